"""What a running Libra says of itself: health, counts, the log."""
