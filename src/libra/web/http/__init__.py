"""HTTP itself: negotiation, compression, problems, streams, idempotency."""
