"""Properties of a body, whatever its content: type, encoding, digest and size."""
