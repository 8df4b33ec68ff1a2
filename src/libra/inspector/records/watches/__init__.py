"""The state of a watch that survives its process: its record, schedule, webhook and alerts."""
