"""Pages: admitted, weighed by a process of their own, found and removed."""
