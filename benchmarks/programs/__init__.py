"""The programs of the contestants, written as a good user of each tool would write them.

All read the variables of this project. Programs without Dagster also read `BENCH_DAY`. The programs run in their own
virtual environments, so they import nothing from the harness.
"""
