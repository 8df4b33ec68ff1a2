"""The journal on the local disk: its files, its index, and the entries of a former program."""
