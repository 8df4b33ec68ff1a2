"""Requests on libcurl: transfers on the event loop, over shared connections."""
