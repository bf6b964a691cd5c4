"""The daily digest: what it says of a day, its HTML page, and its message."""
