"""Browsers: found, started without a way to the network, kept in bounds and replaced."""
