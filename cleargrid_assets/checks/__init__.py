"""The asset checks: whether a day's numbers can be trusted, and what to do when they cannot.

What belongs here: questions about stored rows and materializations, and their answers. What does not: what makes a row
acceptable at all (the contract, held when a page is read and when a day is stored).
"""
