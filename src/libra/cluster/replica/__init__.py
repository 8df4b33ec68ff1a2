"""A web node's copy of all pages, and the reader for pages that it lacks."""
