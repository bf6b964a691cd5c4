"""The sandbox: a local HTTP server that behaves as the Exports API is documented, with invented data.

What belongs here: what is needed to try and test the project without an account. What does not: anything that a run
against the real API needs. Only the commands that start the sandbox may import it.
"""

from cleargrid_assets.sandbox.communications import rows_of_day
from cleargrid_assets.sandbox.datasets import ServedDataset
from cleargrid_assets.sandbox.serve import RunningSandbox, running_sandbox
from cleargrid_assets.sandbox.settings import SandboxSettings

__all__ = [
    "RunningSandbox",
    "SandboxSettings",
    "ServedDataset",
    "rows_of_day",
    "running_sandbox",
]
