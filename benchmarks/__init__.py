"""Benchmarks of this project against its alternatives, on the same rows and the same machine.

`make bench` runs them. The tests do not. See README.md in this folder.
"""
