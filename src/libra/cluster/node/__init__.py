"""This node, the other nodes, and what nodes tell one another."""
