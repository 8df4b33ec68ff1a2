"""The server: from the socket to the application, and the program around it."""
