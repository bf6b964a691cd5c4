"""The asset checks. Each says whether a day can be trusted, and what to do if not.

What belongs here: checks of stored rows and of materializations. What does not: enforcing the contract when a page is
read or a day is stored.
"""
