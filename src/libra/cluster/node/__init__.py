"""This node, the other nodes, and the messages between nodes."""
