"""The `cleargrid` command: `check`, `demo` and `sandbox`.

What belongs here: arguments, output and exit statuses. What does not: anything that Dagster runs.
"""
