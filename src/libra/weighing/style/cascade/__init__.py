"""Which declaration wins for an element, and which values its properties get."""
