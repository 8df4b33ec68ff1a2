"""Reads and checks the requests of clients."""
