"""What the numbers mean: outcomes, channels and the analyses over communication logs.

What belongs here: the definition of every figure, computed in DuckDB over a relation that holds the slice. What
does not: where the rows come from, where results are stored, and anything of Dagster.
"""
