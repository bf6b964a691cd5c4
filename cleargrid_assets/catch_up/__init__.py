"""Catching up: closed days that are missing, and figures that are older than the rows they are computed from.

`plan` decides, from data alone. `runs` asks Dagster, and `requests` asks the database and makes run requests.
"""
