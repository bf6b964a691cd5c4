"""The `cleargrid` command: `check`, `demo` and `sandbox`.

What belongs here: arguments, what is printed, exit statuses. What does not: anything that Dagster runs.
"""
