"""`cleargrid init`, against the sandbox: from lines of the standard input, and on a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from cleargrid_assets.cli.main import main
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, running_sandbox

_UNSET = {"CLEARGRID_LENDER": "", "CLEARGRID_EMAIL": "", "CLEARGRID_PASSWORD": ""}
_OPTIONAL = {"CLEARGRID_TIMEZONE": "", "CLEARGRID_START_DATE": ""}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(rows_per_day=50, password="correct horse")) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _init(sandbox: RunningSandbox, *lines: str) -> Result:
    env = {**_UNSET, **_OPTIONAL, "CLEARGRID_BASE_URL": sandbox.url}
    return CliRunner().invoke(main, ["init"], input="".join(f"{line}\n" for line in lines), env=env)


def test_lines_are_written_and_checked(sandbox: RunningSandbox, folder: Path) -> None:
    settings = sandbox.settings
    result = _init(sandbox, settings.lender, f" {settings.email} ", settings.password, "Asia/Dubai", "2026-02-01")
    assert result.exit_code == 0, result.output
    assert dotenv_values(".env") == {
        "CLEARGRID_BASE_URL": sandbox.url,
        "CLEARGRID_LENDER": settings.lender,
        "CLEARGRID_EMAIL": settings.email,
        "CLEARGRID_PASSWORD": settings.password,
        "CLEARGRID_TIMEZONE": "Asia/Dubai",
        "CLEARGRID_START_DATE": "2026-02-01",
    }
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert "from 2026-02-01, from midnight to midnight in Asia/Dubai" in result.output
    assert "logged in" in result.output
    assert result.output.endswith("Next: `cleargrid up` starts the UI and the schedules.\n")
    assert "Reload definitions" in result.output
    assert f"CLEARGRID_BASE_URL from your environment: {sandbox.url}." in result.output
    before = (folder / ".env").read_text()
    # Empty lines, or none, keep what is there.
    assert _init(sandbox, "", "").exit_code == 0
    assert (folder / ".env").read_text() == before
    refused = _init(sandbox, "", "", " not it ")
    assert refused.exit_code == 1
    assert "not it" not in refused.output
    assert "Next:" not in refused.output
    assert dotenv_values(".env")["CLEARGRID_PASSWORD"] == " not it "


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["acme", "a@b.example", "hush", "Dubai"], "CLEARGRID_TIMEZONE is 'Dubai', but takes an IANA time zone"),
        (["acme", "a@b.example", "hush", "UTC", "soon"], "CLEARGRID_START_DATE is 'soon', but takes a date"),
        (["acme", "", "hush"], "CLEARGRID_EMAIL has no value. It takes an e-mail address."),
        (["acme", "a@b.example"], "CLEARGRID_PASSWORD has no value."),
    ],
)
def test_unusable_line_is_named_and_nothing_is_written(
    lines: list[str], said: str, sandbox: RunningSandbox, folder: Path
) -> None:
    result = _init(sandbox, *lines)
    assert result.exit_code == 1
    assert said in result.output
    assert "Nothing was written." in result.output
    assert "hush" not in result.output
    assert list(folder.iterdir()) == []


def test_unusable_address_of_the_api_is_refused_before_the_questions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARGRID_BASE_URL", "https://ops:hush@api.example")
    result = CliRunner().invoke(main, ["init"], input="acme\n")
    assert result.exit_code == 1
    assert "CLEARGRID_BASE_URL contains credentials" in result.output
    assert "Nothing was written." in result.output
    assert "hush" not in result.output
    assert list(folder.iterdir()) == []


def test_terminal_asks_again_and_hides_the_password(sandbox: RunningSandbox) -> None:
    settings = sandbox.settings
    asked = [
        ("Lender: ", settings.lender),
        ("E-mail", settings.email),
        ("Password", settings.password),
        ("Time zone", "Dubai"),
        ("IANA time zone such as Asia/Dubai.", "Asia/Dubai"),
        ("[2026-01-01]", ""),
    ]
    shown, status = _typed(asked, {"CLEARGRID_BASE_URL": sandbox.url})
    assert status == 0, shown
    assert dotenv_values(".env")["CLEARGRID_TIMEZONE"] == "Asia/Dubai"
    assert settings.email in shown
    assert settings.password not in shown


def _typed(asked: Sequence[tuple[str, str]], variables: Mapping[str, str]) -> tuple[str, int]:
    """Answers the prompts of `cleargrid init` on a terminal, and gives what that showed, and the exit status."""
    ours, theirs = pty.openpty()
    others = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", "from cleargrid_assets.cli.main import main; main()", "init"],
        env={**others, **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    try:
        for prompt, answer in asked:
            fresh = ""
            # What is typed before the prompt would be dropped.
            while prompt not in fresh or not fresh.endswith(": "):
                fresh += os.read(ours, 4096).decode()
            shown += fresh
            os.write(ours, f"{answer}\n".encode())
        with suppress(OSError):  # the end of a terminal
            while block := os.read(ours, 4096):
                shown += block.decode()
    finally:
        os.close(ours)
        status = process.wait(30)
    return shown, status
