"""The requests of a page in a browser: observing, counting and limiting them."""
