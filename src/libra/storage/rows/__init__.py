"""Rows of pages and watches in a database, and the lists that Libra reads from it."""
