"""Access: which client may request what, and how often."""
