"""The DuckDB database: connections, tables, partitions, and the IO manager.

What belongs here: all SQL that stores or loads tables. What does not: where rows come from, and what they mean.
"""
