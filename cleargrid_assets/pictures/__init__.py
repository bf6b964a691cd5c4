"""Each analysis at a glance: a short markdown summary and a picture, for the metadata that the UI shows.

What belongs here: turning rows of the tables in `contracts` into text and pixels, one module an analysis, each with
`headline` (what to conclude, in a sentence), `summary` (markdown that the UI shows inline) and `picture` (a PNG).
What does not: computing the tables, reading them, and Dagster. The drawing library is imported when the first
picture is drawn, not before.
"""
