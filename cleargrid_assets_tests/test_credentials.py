"""Where credentials are, and are not. What a web server shows of them is in `assets/test_web_server.py`."""

from typing import Any

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.exports.spooling.spool import Spool
from cleargrid_assets_tests.assets.project import SECRETS, WEEK, Project

DAY = WEEK[0]


def test_resources_hold_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"CLEARGRID_{name.upper()}", value)
    resources = build_defs().resources or {}
    assert "exports" in resources
    assert "hush" not in "".join(repr(resource) + str(vars(resource)) for resource in resources.values())


def test_all_missing_credentials_fail_the_run_with_one_message(project: Project) -> None:
    run = project.given(CLEARGRID_EMAIL="", CLEARGRID_PASSWORD=" ").materialize(DAY, only=[COMMUNICATION_LOGS])
    assert not run.success
    assert "CLEARGRID_EMAIL and CLEARGRID_PASSWORD are not set. Set them in the environment" in run.failure


def test_runs_of_two_lenders_do_not_share_a_spool(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints: list[str] = []
    original = Spool.open

    def opened(*args: Any, **options: Any) -> Spool:
        fingerprints.append(args[2])
        return original(*args, **options)

    monkeypatch.setattr(Spool, "open", opened)
    for lender in ("one", "two", "two"):
        project.given(CLEARGRID_LENDER=lender).materialize(DAY, only=[COMMUNICATION_LOGS], checked=False)
    one, two, same = fingerprints
    assert one != two == same
