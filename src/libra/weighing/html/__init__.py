"""References in a document: one walk over its elements, with a rule for each kind of element."""
