"""Storing outputs in place of what was stored, and loading DataFrames without a contract."""
