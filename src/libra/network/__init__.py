"""Requests to foreign servers: names, gate, connections, HTTP, politeness. Knows nothing of pages."""
