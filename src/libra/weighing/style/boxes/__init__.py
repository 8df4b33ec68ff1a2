"""Which elements of a document have a box, and roughly where."""
