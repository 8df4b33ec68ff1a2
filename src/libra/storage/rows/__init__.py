"""What a database holds: rows of pages and watches, and the lists that are read from it."""
