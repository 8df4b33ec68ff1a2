"""Watches of a cluster: their records, and whose turn it is to take one further."""
