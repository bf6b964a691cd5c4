"""HTTP requests to the API: connections, timeouts, retries, and an error for each failure."""
