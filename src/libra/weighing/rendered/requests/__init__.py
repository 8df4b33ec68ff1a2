"""The requests of a page in a browser: how they are seen, counted and limited."""
