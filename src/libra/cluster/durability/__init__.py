"""How pages of a cluster become safe: the engine first, then the database; meanwhile the local disk."""
