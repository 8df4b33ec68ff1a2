"""The forward proxy that a browser is given: its only way out, with the gate in it."""
