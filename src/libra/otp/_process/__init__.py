"""The internals of a process: its mailbox, calls, tasks and end. Only `libra.otp` may import them."""
