"""The ClearGrid Exports API client: from a business day's window to checked rows on disk.

What belongs here: the dataset's declaration, login, requests, retries, the walk and the spool. What does not: Dagster,
DuckDB, or what the rows mean.
"""
