"""Which text is shown in which fonts."""
