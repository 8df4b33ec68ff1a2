"""The way to other people's servers: names, the gate, connections, HTTP, manners. Knows no page."""
