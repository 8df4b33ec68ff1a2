"""Reading a body: by whom, and with which reader."""
