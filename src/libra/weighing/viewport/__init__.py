"""Everything that depends on a desktop browser's window: media queries and image candidates."""
