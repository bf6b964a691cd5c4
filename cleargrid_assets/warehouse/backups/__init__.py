"""Copies of the database file: making, verifying and restoring them, and rewriting the file."""
