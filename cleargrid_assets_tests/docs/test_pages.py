"""What pages say exists: links, files, variables, error texts; and the README is short."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from cleargrid_assets.settings import variables
from cleargrid_assets_tests.docs.pages import PAGES, ROOT, blocks

MAX_README_WORDS = 700

_LINK = re.compile(r"\]\((?!https?:)(?P<file>[^)#\s]*)(?:#(?P<heading>[^)\s]+))?\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= MAX_README_WORDS


@each_page
def test_every_code_block_names_its_language(page: Path) -> None:
    fences = re.findall(r"^ *```", page.read_text(), re.M)
    assert len(fences) == 2 * len(list(blocks(page)))


@each_page
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in _LINK.finditer(page.read_text()):
        target = page.parent / link["file"] if link["file"] else page
        assert target.exists(), f"{link[0]} in {page.name}"
        if link["heading"]:
            assert link["heading"] in _headings(target), f"{link[0]} in {page.name}"


@each_page
def test_variables_on_pages_are_variables_of_the_project(page: Path) -> None:
    mentioned = set(re.findall(r"CLEARGRID_[A-Z_]+", page.read_text()))
    assert mentioned <= {variable.name for variable in variables()}


def test_error_texts_in_troubleshooting_are_in_the_source() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().split("## Troubleshooting")[1].split("\n## ")[0]
    shown = re.findall(r"^\| `([^`]+)`", table, re.M)
    assert shown
    for text in shown:
        for part in filter(None, map(str.strip, text.split("..."))):
            assert any(part in literal for literal in _literals()), part


def test_faults_in_guarantees_name_tests_that_exist() -> None:
    table = (ROOT / "docs" / "guarantees.md").read_text().split("## Faults")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!Fault|---).* \| (.*) \|$", table, re.M)
    assert rows
    for row in rows:
        test = re.fullmatch(r"`([\w/]+\.py)::(test_\w+)`", row)
        assert test, row
        module = ROOT / "cleargrid_assets_tests" / test[1]
        assert f"\ndef {test[2]}(" in module.read_text(), row


def _headings(page: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def _literals() -> frozenset[str]:
    """All strings in the product's source, the constant parts of f-strings included."""
    modules = (ast.parse(path.read_text()) for path in (ROOT / "cleargrid_assets").rglob("*.py"))
    return frozenset(
        node.value
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
