"""The `cleargrid` command. `main` has its subcommands, and `run_...` of another module runs each.

What belongs here: arguments, output and exit statuses. What does not: anything that Dagster runs.
"""
