"""Which elements of a document have a box, and about where."""
