"""Each analysis at a glance: a sentence, a short markdown summary and a picture, for the metadata that the UI shows.

What belongs here: turning rows of the tables in `contracts` into text and pixels, one module per analysis, each with
`present(rows, day, unmapped) -> Presentation`; `table` does it for analyses without a module of their own. What does
not: computing the tables, reading them, and Dagster. pandas and matplotlib are imported only when they are used.
"""
