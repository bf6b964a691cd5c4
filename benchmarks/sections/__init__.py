"""The measurements, one module each, with a function `run` that takes the session and returns a section."""
