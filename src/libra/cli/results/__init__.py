"""What a run of `libra weigh` found: judged, shown, written, sent to a server."""
