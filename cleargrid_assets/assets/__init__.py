"""The assets: one module each, thin wiring between `exports`, `analysis`, `pictures` and the IO manager."""
