"""What only a lake needs: opening it, locks, commits and maintenance."""
