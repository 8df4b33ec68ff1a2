"""The forward proxy of a page: the browser's only way out, guarded by the gate."""
