"""The pages that are generated from the source are up to date, and every command explains itself."""

from pathlib import Path

import click
import pytest

from cleargrid_assets.cli.main import main
from cleargrid_assets_tests.docs.generate import GENERATED
from cleargrid_assets_tests.docs.pages import ROOT


@pytest.mark.parametrize("name", GENERATED)
def test_generated_page_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name](), "Run `make docs`."


def test_every_command_and_option_has_a_help_text() -> None:
    for command in main.commands.values():
        assert command.help, command.name
        for option in command.params:
            # Click has no help texts for arguments: those of the commands explain them.
            if isinstance(option, click.Argument):
                assert str(option.name).upper() in command.help
                continue
            assert isinstance(option, click.Option), f"{command.name} {option.name}"
            assert option.help, f"{command.name} {option.name}"


def test_package_says_that_it_is_typed() -> None:
    assert (ROOT / "cleargrid_assets" / "py.typed").exists()
    assert "py.typed" in Path(ROOT / "pyproject.toml").read_text()
