"""The measurements, one per module. Each has a function `run(session)` that returns a section."""
