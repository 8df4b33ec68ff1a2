"""Reading a body: choosing its reader, and where it runs."""
