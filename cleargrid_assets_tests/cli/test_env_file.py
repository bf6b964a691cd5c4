"""Setting variables in `.env`."""

import logging
from pathlib import Path

import click
import pytest
from dotenv import dotenv_values

from cleargrid_assets.cli.env_file import EnvFileError, broken_lines, load_env, set_variables
from cleargrid_assets_tests.machine import files_of_at_most


@pytest.fixture(autouse=True)
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_other_lines_are_kept_and_the_file_becomes_private(env: Path) -> None:
    env.write_text("# mine\nFOO='a b' # c\nCLEARGRID_LENDER=old\nCLEARGRID_REGION=SA\n#CLEARGRID_EMAIL=")
    env.chmod(0o644)
    set_variables({"CLEARGRID_LENDER": "acme", "CLEARGRID_EMAIL": "a@b.example"})
    lines = env.read_text().splitlines()
    assert lines[:2] == ["# mine", "FOO='a b' # c"]
    assert lines[2:5] == ["CLEARGRID_LENDER=acme", "CLEARGRID_REGION=SA", "#CLEARGRID_EMAIL="]
    assert lines[5:] == ["CLEARGRID_EMAIL=a@b.example"]
    assert env.stat().st_mode & 0o777 == 0o600
    assert list(env.parent.iterdir()) == [env]


@pytest.mark.parametrize(
    "value",
    ["a b", " a ", "it's", 'say "x"', "a#b", "a #b", "$HOME", "${HOME}", "${", "a\\", "\\'", "=", "'", "é\u2028"],
)
def test_value_is_read_as_it_was_written(value: str, env: Path) -> None:
    set_variables({"CLEARGRID_PASSWORD": value, "CLEARGRID_EMAIL": "a@b.example"})
    assert dotenv_values(env) == {"CLEARGRID_PASSWORD": value, "CLEARGRID_EMAIL": "a@b.example"}


def test_value_that_cannot_be_written_leaves_the_file_as_it_was(env: Path) -> None:
    env.write_text("FOO=1\n")
    with pytest.raises(click.ClickException, match="CLEARGRID_PASSWORD cannot be written") as caught:
        set_variables({"CLEARGRID_EMAIL": "a@b.example", "CLEARGRID_PASSWORD": "hush\r\n"})
    assert "hush" not in caught.value.message
    assert (env.read_text(), list(env.parent.iterdir())) == ("FOO=1\n", [env])


def test_full_disk_leaves_the_file_as_it_was_and_nothing_else(env: Path) -> None:
    env.write_text("FOO=1\n")
    with files_of_at_most(8), pytest.raises(EnvFileError, match="cannot be written: File too large"):
        set_variables({"CLEARGRID_PASSWORD": "open sesame"})
    assert env.read_text() == "FOO=1\n"
    assert list(env.parent.iterdir()) == [env]


def test_link_stays_a_link(env: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    env.symlink_to("elsewhere/env")
    set_variables({"CLEARGRID_LENDER": "acme"})
    assert env.is_symlink()
    assert (tmp_path / "elsewhere" / "env").read_text() == "CLEARGRID_LENDER=acme\n"


def test_lines_that_set_no_variable_are_counted(env: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert broken_lines() == []
    env.write_text("FOO\n\n\nCLEARGRID_REGION: SA\nCLEARGRID_TIMEZONE\nCLEARGRID_LENDER='a\n\nCLEARGRID_EMAIL=a\n")
    assert broken_lines() == [4, 5, 6]
    with caplog.at_level(logging.WARNING):
        set_variables({"CLEARGRID_EMAIL": "b"})
    assert caplog.records == []


def test_file_that_cannot_be_read_is_an_error_with_advice(env: Path) -> None:
    env.write_bytes(b"CLEARGRID_LENDER=\xff\n")
    with pytest.raises(EnvFileError, match="Save it as UTF-8"):
        load_env()
    env.write_bytes(b"CLEARGRID_LENDER=a\0b\n")
    with pytest.raises(EnvFileError, match="cannot be set: embedded null byte"):
        load_env()
