"""The servers of the tests of a lake."""

import os
from collections.abc import Mapping
from pathlib import Path
import pytest
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.lake import servers

pytestmark = pytest.mark.lake


def test_x(lake: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    print(lake)
    with servers.redis(tmp_path) as url, servers.s3(tmp_path) as s:
        print(url, s)
