"""This project measured beside what a user would pick instead, on the same rows, in one session.

Run by `make bench`, never by the tests. See README.md in this folder.
"""
