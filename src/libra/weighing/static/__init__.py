"""The static method: weighs a page by fetching what its documents refer to."""
