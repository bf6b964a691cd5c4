"""The DuckDB database: connections, tables, replacing and reading partitions, and the IO manager that Dagster calls.

What belongs here: all SQL that stores tables or loads them for an asset. What does not: where rows come from, and what
they mean.
"""
