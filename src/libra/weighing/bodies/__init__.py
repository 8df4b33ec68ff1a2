"""What a body is, whatever is in it: its type, encoding, digest and size."""
