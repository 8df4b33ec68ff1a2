"""The content of a stylesheet: its rules, selectors, fonts and conditions, without a document."""
