"""Requests on libcurl: transfers on the event loop, over connections that they share."""
