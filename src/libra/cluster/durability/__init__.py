"""How pages of a cluster become safe: in the engine, then the database; meanwhile the local disk."""
