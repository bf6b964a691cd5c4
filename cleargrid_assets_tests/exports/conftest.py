"""A server for each test that asks for one."""

from collections.abc import Iterator

import pytest

from cleargrid_assets_tests.exports.api import Api, serving


@pytest.fixture
def api() -> Iterator[Api]:
    """A running server without rows or faults."""
    with serving(Api()) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """A list for the seconds that are waited between retries."""
    return []
