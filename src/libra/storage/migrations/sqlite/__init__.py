"""SQLite's."""
