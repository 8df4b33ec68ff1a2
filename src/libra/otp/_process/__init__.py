"""The engine room of a process: its mailbox, calls, tasks and end. Only `libra.otp` may enter."""
