"""What could be better about a page, and what it shows of itself."""
