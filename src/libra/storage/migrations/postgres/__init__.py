"""Migrations for PostgreSQL."""
