"""The connection to NATS JetStream, its answers and errors, and consumers."""
