"""Libra weighs web pages, and goes on doing so while what it depends on is down."""
