"""Fetched rows on disk until they are stored, in folders that belong to one user and one run."""
