"""What outlives a process: the records of pages and watches, and what they are made of."""
