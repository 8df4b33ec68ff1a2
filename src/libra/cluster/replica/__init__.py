"""What a node that serves holds of all pages, and where it reads what it does not hold."""
