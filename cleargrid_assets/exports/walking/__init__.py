"""The walk through the pages of days: what is requested next, and when it ends."""
