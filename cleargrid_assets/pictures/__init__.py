"""What the UI shows of each analysis: a headline, a short Markdown summary and a picture.

What belongs here: making text and pictures from rows, with `present(rows, about) -> Presentation` in one module per
analysis; `table` is for analyses without a module. What does not: computing or reading the rows, and Dagster.
matplotlib is imported only when a picture is drawn.
"""
