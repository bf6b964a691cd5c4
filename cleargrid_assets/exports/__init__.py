"""The client of the ClearGrid Exports API: fetches the rows of business days, checks them and writes them to disk.

What belongs here: datasets, login, requests, retries, the walk through pages, the count and the spool. What does not:
Dagster, DuckDB, and the meaning of the rows.
"""
