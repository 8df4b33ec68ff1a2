"""The history of each engine's schema, one file for each change; see `libra.storage.schema`."""
