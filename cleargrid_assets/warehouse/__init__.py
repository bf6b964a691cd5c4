"""The DuckDB database: connections, replacing and reading partitions, and the IO manager that Dagster calls.

What belongs here: everything that speaks SQL to the stored tables on behalf of any asset. What does not: where rows
come from, and what they mean.
"""
