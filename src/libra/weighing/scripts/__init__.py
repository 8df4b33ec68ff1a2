"""Module scripts: their imports, and whether a browser would compile them."""
