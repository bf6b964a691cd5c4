"""The documentation: generated pages are up to date, and what pages tell a reader to run works."""
