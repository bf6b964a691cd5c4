"""The asset checks: whether the numbers of a day can be trusted, and what to do if not.

What belongs here: checks of stored rows and of materializations. What does not: the contract of a row, which is
enforced when a page is read and when a day is stored.
"""
