"""State that survives a process: the records of pages and watches, and their parts."""
