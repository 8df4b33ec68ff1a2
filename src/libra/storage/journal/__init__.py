"""The journal on the local disk: its files, its index, and what a former program left."""
