"""What a style sheet says: its rules, selectors, fonts and conditions, without a document."""
