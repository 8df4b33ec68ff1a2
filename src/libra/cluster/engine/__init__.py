"""The connection to NATS JetStream, what comes of a request, and taking messages from a consumer."""
