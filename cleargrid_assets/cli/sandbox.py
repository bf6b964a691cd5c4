"""`cleargrid sandbox`: only the local API with invented data."""

import click

from cleargrid_assets.cli.ports import require_free_port
from cleargrid_assets.sandbox.serve import serve
from cleargrid_assets.sandbox.settings import SandboxSettings


def run_sandbox(*, port: int, rows_per_day: int) -> None:
    """Prints the variables that point the project at the sandbox, then serves until interrupted."""
    require_free_port(port)
    settings = SandboxSettings(rows_per_day=rows_per_day)
    click.echo("To use the sandbox, set these variables in another shell. A .env file there would override them.")
    # Another database, because invented rows would replace the days of the real one.
    variables = {**sandbox_variables(f"http://127.0.0.1:{port}", settings), "CLEARGRID_DUCKDB": "data/sandbox.duckdb"}
    for name, value in variables.items():
        click.echo(f"  export {name}={value}")
    serve(settings, port)


def sandbox_variables(url: str, settings: SandboxSettings) -> dict[str, str]:
    """The variables that point the project at a sandbox."""
    return {
        "CLEARGRID_BASE_URL": url,
        "CLEARGRID_LENDER": settings.lender,
        "CLEARGRID_EMAIL": settings.email,
        "CLEARGRID_PASSWORD": settings.password,
    }
