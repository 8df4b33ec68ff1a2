"""One process per page: its life, its supervisor, its admission and its durability.

Everything here is internal to the program: `libra.app` is the only module that may import it.
"""
