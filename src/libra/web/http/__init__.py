"""HTTP's own business: negotiation, compression, problems, streams, idempotency."""
