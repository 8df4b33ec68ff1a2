"""Browsers: finding, starting without network access, limiting and replacing them."""
