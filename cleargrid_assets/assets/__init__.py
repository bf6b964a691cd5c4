"""The assets: thin wiring between `exports`, `analysis`, `pictures` and the IO manager."""
