"""From a name to an address that may be connected to: look-ups, the gate, connections."""
