"""What a document asks for: one walk over its elements, with a rule for each of them."""
