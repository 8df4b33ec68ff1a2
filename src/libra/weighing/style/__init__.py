"""Applies stylesheets to a document, and finds the assets that its style makes a browser fetch."""
