"""What the contestants run, each in its own environment: written as a good user of the tool would write it.

All are told what to do by the project's own variables, and a program outside Dagster by `BENCH_DAY` besides. What does
not belong here: anything of the harness, which the contestants' environments cannot import.
"""
