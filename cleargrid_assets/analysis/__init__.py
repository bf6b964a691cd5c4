"""The analyses of communication logs, and the meaning of statuses and communication types.

What belongs here: the definition of every figure, in SQL over a DuckDB relation. What does not: where rows come from,
where results are stored, and Dagster.
"""
