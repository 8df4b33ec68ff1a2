"""The watches of a cluster: their records and their turns."""
