"""What the project promises, held against faults of every kind at once.

What belongs here: the fault matrix, and the proofs that take minutes (marker `torture`). What does not: tests of one
module, which are beside the tests of the others.
"""
