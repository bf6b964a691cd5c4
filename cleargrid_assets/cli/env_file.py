"""The file `.env` of the current folder: reading it into the environment, and setting variables in it."""

import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from dotenv import dotenv_values, load_dotenv, set_key
from dotenv.parser import parse_stream

from cleargrid_assets.cli.errors import AdvisedError

ENV_FILE = Path(".env")

_NEEDS_NO_QUOTES = re.compile(r"[\w@%+:,./-]+", re.ASCII)


class EnvFileError(AdvisedError):
    """The file `.env` cannot be read or written."""


def load_env() -> None:
    """Reads the file into the environment, whose values it overrides, as `dagster dev` does.

    Raises:
        EnvFileError: The file cannot be read.
    """
    try:
        load_dotenv(ENV_FILE, override=True)
    except UnicodeDecodeError as error:
        raise EnvFileError(f"{ENV_FILE} is not UTF-8.", "Save it as UTF-8.") from error
    except ValueError as error:  # of `os.environ`
        raise EnvFileError(f"{ENV_FILE} has a variable that cannot be set: {error}.", "Correct it.") from error
    except OSError as error:
        raise EnvFileError(f"{ENV_FILE} cannot be read: {error.strerror}.", "Correct its permissions.") from error


def broken_lines() -> list[int]:
    """The numbers of the lines that are about a variable of this project, but set none, such as `NAME: value`."""
    if not ENV_FILE.is_file():
        return []
    with ENV_FILE.open(encoding="utf-8") as stream:
        lines = [each for each in parse_stream(stream) if each.error or (each.key and each.value is None)]
    ours = [each.original for each in lines if "CLEARGRID" in each.original.string.upper()]
    # A line comes with the empty lines before it.
    return [each.line + each.string[: -len(each.string.lstrip())].count("\n") for each in ours]


def set_variables(values: Mapping[str, str]) -> Path:
    """Sets variables in the file and keeps all other lines. Afterwards, only its user may read it.

    The file is replaced as a whole, or stays as it is.

    Returns:
        The file.

    Raises:
        EnvFileError: The file cannot be written, or not so that a value is read as it is.
    """
    # What a link points at, because the link should stay.
    file = ENV_FILE.resolve()
    try:
        # Only its user may enter, so that nobody else reads what is written there.
        with TemporaryDirectory(dir=file.parent, prefix=".env.") as folder:
            draft = Path(folder) / file.name
            if file.exists():
                shutil.copyfile(file, draft)
            draft.touch()
            draft.chmod(0o600)
            read = _written(draft, values)
            if wrong := [name for name, value in values.items() if read.get(name) != value]:
                raise EnvFileError(
                    f"{', '.join(wrong)} cannot be written to {file}, which is unchanged.", "Set it in the environment."
                )
            with draft.open("rb") as stream:
                os.fsync(stream.fileno())
            draft.replace(file)
    except OSError as error:
        raise EnvFileError(
            f"{file} cannot be written: {error.strerror}.", "It is unchanged. Correct that, and try again."
        ) from error
    return file


def _written(file: Path, values: Mapping[str, str]) -> Mapping[str, str | None]:
    """Sets variables in a file, and reads it again."""
    log = logging.getLogger("dotenv")
    level = log.level
    # It would warn of a broken line at each variable. `load_env` has warned of it already.
    log.setLevel(logging.ERROR)
    try:
        for name, value in values.items():
            # `${` would be replaced, in any quotes: a variable without a name has the default `$`.
            written = value.replace("${", "${:-$}{")
            set_key(file, name, written, quote_mode="never" if _NEEDS_NO_QUOTES.fullmatch(written) else "always")
        return dotenv_values(file)
    finally:
        log.setLevel(level)
