"""The static method: one page is weighed by fetching what its documents ask for."""
