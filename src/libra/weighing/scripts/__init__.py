"""Module scripts: what they import, and whether a browser would compile them."""
