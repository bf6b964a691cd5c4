"""The fault matrix: a day in the table is the day at the source, or the table is as it was and the error says why."""

import logging
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets_tests.assets.project import PICTURE, Project
from cleargrid_assets_tests.exports.api import Answer, Api, Request, serving
from cleargrid_assets_tests.torture.campaign import Campaign, hurried, project_of
from cleargrid_assets_tests.torture.conftest import Torture
from cleargrid_assets_tests.torture.kinds import KINDS
from cleargrid_assets_tests.torture.oracle import Oracle, Rows
from cleargrid_assets_tests.torture.source import DAYS, Source

MIXTURES = 6
"""Mixtures of faults in the usual tests; `make torture` tries others, and more."""

RELATIVES = frozenset(
    {
        "a count of zero",
        "no exact count",
        "endless same pages",
        "endless pages with a moving updated_at",
        "a row without instant",
        "a row with a text as duration",
        "a row with a number as status",
        "code 500 in a 200",
        "raw control characters in subjects",
        "HTTP 522 for wide windows",
        "HTTP 524 for wide windows",
        "HTTP 408 now and then",
        "HTTP 500 now and then",
        "HTTP 502 now and then",
        "HTTP 503 with a hint",
        "HTTP 500 for good",
        "a page no page",
        "a page shorter",
        "a page cut",
        "a page announced too short",
        "a page no cursor",
        "a page empty cursor",
        "connections reset",
        "a silent server",
    }
)
"""Faults that take the way of another one. The tests of the client have them all; alone, `make torture` tries them."""

Begin = Callable[[int], Campaign]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """One server for all campaigns, because definitions are made again for each address."""
    with serving(Api()) as api:
        yield api


@pytest.fixture(scope="module")
def project(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project of all campaigns. Environment and patch are set for all of them, because runs overlap."""
    project = project_of(api, tmp_path_factory.mktemp("matrix"))
    with patch.dict(os.environ, project.environment), patch(PICTURE, return_value=""):
        yield project


@pytest.fixture(scope="module")
def first(api: Api, project: Project) -> "tuple[Path, Rows]":
    """A copy of the database with the source's first rows, and what its table holds."""
    _reset(api)
    oracle = Oracle(project, Source(api, random.Random()))  # noqa: S311 - not for secrets
    started = oracle.start()
    run = project.materialize(*DAYS, only=[COMMUNICATION_LOGS], checked=False)
    assert run.success, run.failure
    oracle.check_success(started, DAYS)
    return Path(shutil.copy(project.database, f"{project.database}.first")), oracle.stored


@pytest.fixture
def begin(api: Api, project: Project, first: "tuple[Path, Rows]", caplog: pytest.LogCaptureFixture) -> Begin:
    """Begins a campaign: the source's first rows are stored, and then some of them change."""
    caplog.set_level(logging.DEBUG)

    def begun(seed: int) -> Campaign:
        luck = random.Random(seed)  # noqa: S311 - not for secrets
        file, stored = first
        shutil.rmtree(f"{project.database}.spool", ignore_errors=True)
        shutil.copy(file, project.database)
        _reset(api)
        campaign = Campaign(project, Source(api, luck), luck, caplog, stored)
        campaign.source.change()
        return campaign

    return begun


def _reset(api: Api) -> None:
    """The documented behaviour, while the server goes on running."""
    vars(api).update(vars(Api(cursors_name_rows=True, url=api.url)))


def meet(campaign: Campaign, names: Sequence[str]) -> str:
    """One run that meets these faults, and says why it failed if it did."""
    kinds = [KINDS[name] for name in names]
    faults = [kind.start(campaign) for kind in kinds]

    def fault(request: Request, answer: Answer) -> Answer:
        for each in faults:
            answer = each(request, answer)
        return answer

    campaign.source.api.fault = fault
    with ExitStack() as stack:
        stack.enter_context(hurried(next((kind.timeouts for kind in kinds if kind.timeouts), None)))
        for kind in kinds:
            stack.enter_context(kind.around(campaign.luck))
        said = campaign.attempt()
    assert campaign.broken == []
    return said


def recover(campaign: Campaign) -> None:
    """One run without faults, which must succeed.

    If it continues pages from before the source shrank, it is refused, and the next run fetches the days again.
    """
    _reset(campaign.source.api)
    campaign.source.hold(list(campaign.source.rows.values()))
    said = campaign.attempt()
    if "it is fetched from the start" in said:
        said = campaign.attempt()
    assert said == ""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.torture] if name in RELATIVES else []) for name in KINDS]
)
def test_fault_alone_leaves_the_day_exact_or_as_it_was(begin: Begin, name: str) -> None:
    campaign = begin(1)
    said = meet(campaign, [name])
    says = KINDS[name].says
    if says is None:
        assert said == ""
    elif says:
        assert said
        assert re.search(says, said)
    if said:
        recover(campaign)


def test_relatives_are_faults_of_the_matrix() -> None:
    assert not RELATIVES - KINDS.keys()


def try_mixture(campaign: Campaign, seed: int) -> bool:
    """Meets some faults at once, up to twice, and recovers. Returns whether all runs before stored the days."""
    luck = campaign.luck
    survived = [name for name, kind in KINDS.items() if kind.says is None]
    # Rarely a fault that ends the run, because then the others matter less.
    chosen = {
        *luck.sample(survived, luck.randint(2, 4)),
        *luck.sample(sorted(KINDS.keys() - set(survived)), luck.choice([0, 0, 1])),
    }
    if "endless new rows" in chosen:
        # Without an exact count, they are noticed only after thousands of pages.
        chosen -= {"no exact count", "no count"}
    names = [name for name in KINDS if name in chosen]
    stored = True
    for _ in range(luck.randint(1, 2)):
        try:
            stored = not meet(campaign, names) and stored
            if luck.random() < 0.5:
                campaign.damage_spools()
        except AssertionError as error:
            raise AssertionError(f"mixture {seed}: {', '.join(names)}") from error
    try:
        recover(campaign)
    except AssertionError as error:
        raise AssertionError(f"after mixture {seed}: {', '.join(names)}") from error
    return stored


@pytest.mark.parametrize("seed", range(MIXTURES))
def test_mixture_of_faults_leaves_the_day_exact_or_as_it_was(begin: Begin, seed: int) -> None:
    try_mixture(begin(seed), seed)


@pytest.mark.torture
def test_many_mixtures_leave_the_day_exact_or_as_it_was(begin: Begin, torture: Torture) -> None:
    count = torture.size("mixtures")
    stored = sum(
        try_mixture(begin(seed), seed) for seed in torture.watched("mixtures", range(MIXTURES, MIXTURES + count))
    )
    torture.figure("mixtures of faults", f"{count:,}; {stored:,} were stored in spite of them")
