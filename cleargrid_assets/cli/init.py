"""`cleargrid init`: asks for what only the lender knows, and writes it to `.env`."""

import os
import sys

import click

from cleargrid_assets.cli.check import run_check
from cleargrid_assets.cli.env_file import set_variables
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.http.base_url import checked_root
from cleargrid_assets.setting_types import AFTER_EDITING, SettingsError
from cleargrid_assets.settings import Settings, variable_of
from cleargrid_assets.wording import counted

_QUESTIONS = {
    "CLEARGRID_LENDER": "Lender: your subdomain at ClearGrid",
    "CLEARGRID_EMAIL": "E-mail of the API user",
    "CLEARGRID_PASSWORD": "Password of the API user",
    "CLEARGRID_TIMEZONE": "Time zone whose midnights bound a business day, such as Asia/Dubai",
    "CLEARGRID_START_DATE": "First day to fetch",
}
_BASE_URL = "CLEARGRID_BASE_URL"


def run_init() -> bool:
    """Asks, writes `.env`, and runs the check.

    Without a terminal, the answers are lines of the standard input, in the order of the questions. An empty line or
    none keeps the present value. The address of the API is written, too, if the environment has one: the credentials
    are for it alone.

    Returns:
        Whether the check found that all is well.

    Raises:
        click.ClickException: An answer or the address of the API is unusable, or an answer is missing.
        EnvFileError: `.env` cannot be written.
    """
    given = _given_address()
    answer = _ask if sys.stdin.isatty() else _next_line
    answers = given | {name: answer(name, _present(name)) for name in _QUESTIONS}
    file = set_variables(answers)
    click.echo(f"{counted(len(answers), 'variable')} written to {file}, readable only by you. {AFTER_EDITING}")
    for name, value in given.items():
        click.echo(f"One of them is {name} from your environment: {value}. Runs send the credentials there.")
    works = run_check()
    if works:
        click.echo("Next: `cleargrid up` starts the UI and the schedules.")
    return works


def _given_address() -> dict[str, str]:
    """The address of the API in the environment, by its variable; empty without one."""
    address = os.environ.get(_BASE_URL, "").strip()
    try:
        return {_BASE_URL: checked_root(address)} if address else {}
    except ExportsError as error:
        raise click.ClickException(f"{error} Nothing was written.") from error


def _present(name: str) -> str | None:
    return os.environ.get(name, "").strip() or variable_of(name).default


def _ask(name: str, present: str | None) -> str:
    """Asks on the terminal until the answer is usable."""
    is_secret = variable_of(name).secret
    keeps = " (empty: as it is)" if is_secret and present else ""
    answer: str = click.prompt(
        _QUESTIONS[name] + keeps,
        default=present,
        show_default=not is_secret,
        hide_input=name == "CLEARGRID_PASSWORD",
        value_proc=lambda text: _usable(name, text),
    )
    return answer


def _next_line(name: str, present: str | None) -> str:
    """The next line of the standard input."""
    try:
        return _usable(name, sys.stdin.readline().rstrip("\r\n") or present or "")
    except click.UsageError as error:
        raise click.ClickException(f"{error.message} Nothing was written.") from error


def _usable(name: str, text: str) -> str:
    """The answer without outer white space, unless it is a password.

    Raises:
        click.UsageError: It is unusable.
    """
    if not text.strip():
        raise click.UsageError(f"{name} has no value. It takes {variable_of(name).takes}.")
    try:
        Settings.from_environment({name: text})
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return text if name == "CLEARGRID_PASSWORD" else text.strip()
