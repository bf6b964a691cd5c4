"""The ClearGrid Exports API client: from the windows of business days to checked rows on disk.

What belongs here: datasets, login, requests, retries, the walk through pages, the count and the spool. What does not:
Dagster, DuckDB, and the meaning of the rows.
"""
