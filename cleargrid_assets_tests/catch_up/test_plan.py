"""The planner, on data alone: what it requests after failures and downtimes, and that it comes to rest."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from cleargrid_assets.catch_up.plan import DAYS_PER_TICK, CatchUp, Request, Runs
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets_tests.assets.project import days_between
from cleargrid_assets_tests.catch_up.world import DERIVED, LOGS, MEANT, START, TRAILING, Fails, World, entry, midnight

Stored = dict[str, dict[date, LedgerEntry]]

STORED_AT = datetime(2026, 3, 1, tzinfo=timezone.utc)
FAILED_AT = STORED_AT + timedelta(hours=1)


def day(number: int) -> date:
    return START + timedelta(days=number - 1)


def ledgers(*numbers: int) -> Stored:
    """Ledgers in which every table has the days."""
    return {name: {day(each): entry(name, day(each), STORED_AT) for each in numbers} for name in [LOGS, *DERIVED]}


def catch_up(stored: Stored, closed: int, runs: Runs | None = None, usual: int = 0) -> CatchUp:
    """The catch-up when the first days of the history are closed, in a tick that requests the last ones of them."""
    days = days_between(day(1), day(closed))
    return CatchUp(stored, days, runs or Runs(), frozenset(days[closed - usual :]))


def spans(requests: list[Request]) -> list[tuple[int, int]]:
    """The numbers of the first and last days."""
    return [((each.first - START).days + 1, (each.last - START).days + 1) for each in requests]


def failed(*numbers: int, times: int = 1) -> Runs:
    return Runs(failed_at={(LOGS, day(each)): [FAILED_AT] * times for each in numbers})


def test_complete_history_requests_nothing() -> None:
    plan = catch_up(ledgers(*range(1, 40)), 40, usual=1)
    assert plan.requests() == []
    assert plan.given_up() == {}


def test_empty_ledger_requests_nothing() -> None:
    assert catch_up({}, 40, usual=1).requests() == []


def test_days_before_the_first_stored_one_are_not_requested() -> None:
    assert spans(catch_up(ledgers(20, 21), 22, usual=1).requests()) == []


def test_stored_day_without_rows_is_the_first_day() -> None:
    assert spans(catch_up(ledgers(20), 23, usual=1).requests()) == [(21, 22)]


def test_dropped_days_are_not_requested_again() -> None:
    # Somebody has materialized the first one of them again.
    dropped = {day(number) for number in range(1, 5)}
    plan = replace(catch_up(ledgers(1, 6), 6), dropped=dropped)
    assert spans(plan.requests()) == [(5, 5)]


def test_missing_days_are_requested_oldest_first_in_ranges_of_ten() -> None:
    plan = catch_up(ledgers(1, 5, 30), 30)
    assert spans(plan.requests()) == [(2, 4), (6, 15), (16, 25), (26, 29)]
    assert {each.tables for each in plan.requests()} == {frozenset()}


def test_ranges_are_no_longer_than_a_run_may_be() -> None:
    plan = replace(catch_up(ledgers(1, 5, 30), 30), days_per_run=12)
    assert spans(plan.requests()) == [(2, 4), (6, 17), (18, 29)]


def test_one_tick_requests_thirty_days_at_most() -> None:
    assert spans(catch_up(ledgers(1), 100, usual=1).requests()) == [(2, 11), (12, 21), (22, 31)]


def test_days_in_progress_count_towards_the_thirty() -> None:
    running = Runs(in_progress={(LOGS, each) for each in days_between(day(2), day(11))})
    assert spans(catch_up(ledgers(1), 100, running).requests()) == [(12, 21), (22, 31)]


def test_day_of_a_running_derived_table_is_still_missing() -> None:
    running = Runs(in_progress={(name, day(2)) for name in TRAILING})
    assert spans(catch_up(ledgers(1), 3, running).requests()) == [(2, 3)]


def test_usual_days_are_not_requested_twice() -> None:
    assert spans(catch_up(ledgers(1), 8, usual=3).requests()) == [(2, 5)]


def test_range_that_failed_is_requested_day_by_day() -> None:
    requests = catch_up(ledgers(1), 8, failed(2, 3, 4)).requests()
    assert spans(requests) == [(2, 2), (3, 3), (4, 4), (5, 8)]
    assert [each.failures for each in requests] == [1, 1, 1, 0]


def test_day_that_failed_twice_is_given_up() -> None:
    plan = catch_up(ledgers(1), 8, failed(4, times=2))
    assert spans(plan.requests()) == [(2, 3), (5, 8)]
    assert plan.given_up() == {(LOGS, day(4)): 2}


def test_days_given_up_do_not_count_towards_the_thirty() -> None:
    plan = catch_up(ledgers(1), 100, failed(*range(2, 40), times=3))
    assert spans(plan.requests()) == [(40, 49), (50, 59), (60, 69)]


def test_failures_before_the_day_was_stored_do_not_count() -> None:
    runs = failed(4, times=2)
    restored = Runs(failed_at=runs.failed_at, materialized_at={(LOGS, day(4)): FAILED_AT + timedelta(hours=1)})
    assert spans(catch_up(ledgers(1), 8, restored).requests()) == [(2, 8)]


def test_figures_over_a_filled_gap_are_recomputed() -> None:
    stored = ledgers(*range(1, 31))
    later = STORED_AT + timedelta(minutes=10)
    for name in stored:
        stored[name][day(5)] = entry(name, day(5), later)
    requests = catch_up(stored, 30).requests()
    week = {name for name, trailing in TRAILING.items() if trailing >= 7}
    assert requests[0] == Request(day(6), day(11), frozenset(week))
    assert {name for each in requests for name in each.tables} == week
    longest = max(TRAILING.values())
    assert requests[-1].last == day(5 + longest - 1)


def test_figures_wait_for_missing_days_that_they_look_back_on() -> None:
    stored = ledgers(*range(1, 5), *range(6, 31))
    later = STORED_AT + timedelta(minutes=10)
    stored[LOGS][day(4)] = entry(LOGS, day(4), later)
    requests = catch_up(stored, 30).requests()
    assert requests[0] == Request(day(5), day(5))
    assert requests[1] == Request(day(4), day(4), DERIVED)
    assert len(requests) == 2


def test_figures_do_not_wait_for_days_given_up() -> None:
    stored = ledgers(*range(1, 5), *range(6, 8))
    for name in (LOGS, MEANT):
        stored[name][day(4)] = entry(name, day(4), STORED_AT + timedelta(minutes=10))
    requests = catch_up(stored, 7, failed(5, times=2)).requests()
    assert spans(requests) == [(4, 4), (6, 7)]


def test_figures_wait_for_the_interactions_of_other_days_alone() -> None:
    stored = ledgers(*range(1, 31))
    stored[LOGS][day(4)] = entry(LOGS, day(4), STORED_AT + timedelta(minutes=10))
    assert catch_up(stored, 30).requests() == [Request(day(4), day(4), DERIVED)]
    stored[MEANT][day(4)] = entry(MEANT, day(4), STORED_AT + timedelta(minutes=20))
    assert catch_up(stored, 30).requests()[0] == Request(day(4), day(4), frozenset(TRAILING))


def test_interactions_in_progress_count_and_are_waited_for() -> None:
    stored = ledgers(*range(1, 101))
    stored[MEANT] = {}
    newest = catch_up(stored, 100).requests()
    assert spans(newest) == [(71, 80), (81, 90), (91, 100)]
    short = frozenset({MEANT, *(name for name, trailing in TRAILING.items() if trailing == 1)})
    assert {each.tables for each in newest} == {short}
    running = Runs(in_progress={(name, day(each)) for each in range(71, 101) for name in short})
    assert catch_up(stored, 100, running).requests() == []


def test_figures_do_not_wait_for_interactions_given_up() -> None:
    stored = ledgers(*range(1, 31))
    stored[LOGS][day(4)] = entry(LOGS, day(4), STORED_AT + timedelta(minutes=10))
    plan = catch_up(stored, 30, Runs(failed_at={(MEANT, day(4)): [FAILED_AT] * 2}))
    assert plan.requests() == []
    assert plan.given_up() == {(MEANT, day(4)): 2}


def test_interactions_of_an_older_database_are_requested_newest_days_first() -> None:
    world = World()
    world.days_pass(60)
    world.forget(MEANT)
    world.days_pass(1)
    first_tick = {each for at, each in world.requested if at == world.requested[0][0]}
    assert max(each.last for each in first_tick) == world.stored[-2]
    world.days_pass(4)
    assert world.wrong() == []


def test_figures_wait_for_days_that_are_being_fetched() -> None:
    stored = ledgers(*range(1, 8))
    stored[LOGS][day(4)] = entry(LOGS, day(4), STORED_AT + timedelta(minutes=10))
    assert catch_up(stored, 7, Runs(in_progress={(LOGS, day(4))})).requests() == []
    assert catch_up(stored, 7, Runs(in_progress={(LOGS, day(5))})).requests()[0].first == day(4)


def test_figures_of_a_backfill_are_left_to_the_backfill() -> None:
    stored = ledgers(1, 2)
    del stored["attempt_funnel"][day(2)]
    assert catch_up(stored, 4, Runs(backfilling=True)).requests() == [Request(day(3), day(4))]


def test_missing_figures_of_a_stored_day_are_computed_alone() -> None:
    stored = ledgers(*range(1, 8))
    del stored["attempt_funnel"][day(3)]
    assert catch_up(stored, 7).requests() == [Request(day(3), day(3), frozenset({"attempt_funnel"}))]


@pytest.mark.parametrize(("other_run", "outdated"), [("another", True), ("own", False)])
def test_figures_overtaken_by_another_run_are_outdated(other_run: str, outdated: bool) -> None:
    # Another run may store interactions after they were read, and before the figures are stored.
    started_at, stored = STORED_AT + timedelta(hours=2), ledgers(*range(1, 8))
    stored[MEANT][day(7)] = entry(MEANT, day(7), started_at + timedelta(minutes=1), other_run)
    for name in TRAILING:
        stored[name][day(7)] = entry(name, day(7), started_at + timedelta(minutes=2), "own")
    assert catch_up(stored, 7).concurrent_runs == ({"own"} if outdated else set())
    assert catch_up(stored, 7).is_complete == (not outdated)
    runs = Runs(started_at={"own": started_at})
    assert catch_up(stored, 7, runs).requests() == [Request(day(7), day(7), frozenset(TRAILING))] * outdated
    began_later = Runs(started_at={"own": started_at + timedelta(minutes=1)})
    assert catch_up(stored, 7, began_later).requests() == []


def test_figures_that_failed_twice_are_given_up() -> None:
    stored = ledgers(*range(1, 8))
    del stored["attempt_funnel"][day(3)]
    del stored["attempt_funnel"][day(4)]
    runs = Runs(failed_at={("attempt_funnel", day(3)): [FAILED_AT] * 2, ("attempt_funnel", day(4)): [FAILED_AT]})
    plan = catch_up(stored, 7, runs)
    assert plan.requests() == [Request(day(4), day(4), frozenset({"attempt_funnel"}), 1)]
    assert plan.given_up() == {("attempt_funnel", day(3)): 2}


def test_new_rows_forgive_the_failures_of_their_figures() -> None:
    stored = ledgers(*range(1, 8))
    stored[LOGS][day(3)] = entry(LOGS, day(3), FAILED_AT + timedelta(hours=1))
    runs = Runs(failed_at={(name, day(3)): [FAILED_AT] * 2 for name in TRAILING})
    assert catch_up(stored, 7, runs).requests()[0] == Request(day(3), day(3), DERIVED)


def test_figures_of_usual_days_are_left_to_the_usual_run() -> None:
    stored = ledgers(*range(1, 8))
    for number in (4, 6, 7):
        del stored["attempt_funnel"][day(number)]
    assert spans(catch_up(stored, 7, usual=3).requests()) == [(4, 4)]


def test_missing_days_come_before_figures_within_the_thirty() -> None:
    stored = ledgers(*range(1, 40), 65)
    for name in TRAILING:
        stored[name] = {}
    requests = catch_up(stored, 66).requests()
    assert spans(requests) == [(40, 49), (50, 59), (60, 64), (66, 66), (36, 39)]
    assert DAYS_PER_TICK == 30


def test_four_weeks_without_faults_request_nothing() -> None:
    world = World()
    world.days_pass(28)
    assert world.requested == []
    assert world.wrong() == []
    assert world.stored == days_between(START, START + timedelta(days=27))


def test_five_days_of_downtime_heal_within_two_days() -> None:
    world = World()
    world.days_pass(20)
    down = days_between(date(2026, 1, 22), date(2026, 1, 26))
    world.days_pass(6, down=lambda today: today in down)
    assert set(world.stored) == set(days_between(START, date(2026, 1, 26)))
    world.days_pass(1)
    assert world.wrong() == []
    before = len(world.requested)
    world.days_pass(14)
    assert len(world.requested) == before


def test_figures_of_a_day_that_lost_rows_are_recomputed() -> None:
    world = World()
    world.days_pass(20)
    world.loses = lambda _stored: date(2026, 1, 8)
    world.days_pass(1)
    world.loses = lambda _stored: None
    world.days_pass(2)
    assert world.wrong() == []
    later = {date(2026, 1, 8) + timedelta(days=back) for back in range(max(TRAILING.values()))}
    assert date(2026, 1, 8) in {each.first for _, each in world.requested} <= later


def test_two_hundred_days_of_downtime_heal_thirty_days_a_tick() -> None:
    world = World()
    world.days_pass(5)
    world.until(midnight(date(2026, 7, 25)))
    world.days_pass(8)
    assert world.stored == days_between(START, date(2026, 8, 1))
    assert world.wrong() == []


def test_bad_day_costs_two_failed_runs_and_no_other_day() -> None:
    bad = date(2026, 1, 24)
    world = World(fails=lambda _now, days: Fails.BEFORE_STORING if bad in days else Fails.NEVER)
    world.days_pass(20)
    world.days_pass(20, down=lambda today: date(2026, 1, 22) <= today <= date(2026, 1, 28))
    assert set(days_between(START, date(2026, 2, 9))) - set(world.stored) == {bad}
    assert len([each for _, each in world.requested if each.first <= bad <= each.last]) == 2
    assert world.planned().given_up() == {(LOGS, bad): 2}
    assert world.wrong() == []
    # People repair it.
    world.fails = lambda _now, _days: Fails.NEVER
    world.begin([bad])
    world.days_pass(2)
    assert world.wrong() == []
    assert world.planned().given_up() == {}


@pytest.mark.parametrize("seed", range(20))
def test_random_faults_and_downtimes_heal_exactly_and_come_to_rest(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    world = World(
        fails=lambda _now, _days: dice.choice([Fails.NEVER] * 6 + [Fails.BEFORE_STORING, Fails.AFTER_STORING]),
        takes=lambda: timedelta(minutes=dice.choice((1, 20, 90, 200, 600))),
        loses=lambda stored: dice.choice(stored) if stored and dice.random() < 0.3 else None,
    )
    down = {START + timedelta(days=number) for number in range(8, 50) if dice.random() < 0.4}
    world.days_pass(45, down=lambda today: today in down)
    for _ in range(5):
        # People backfill while the schedules go on.
        first = START + timedelta(days=dice.randrange(40))
        world.begin(days_between(first, first + timedelta(days=dice.randrange(9))))
        world.days_pass(1)
    world.fails, world.takes = (lambda _now, _days: Fails.NEVER), (lambda: timedelta(minutes=20))
    world.loses = lambda _stored: None
    world.days_pass(10)
    left = world.planned().given_up().keys()
    closed = days_between(START, world.now.date() - timedelta(days=1))
    assert {(LOGS, each) for each in closed if each not in world.stored and each > min(world.stored)} <= left
    stuck = {each for name, each in left if name == MEANT}
    windows = {
        cell: days_between(cell[1] - timedelta(days=TRAILING.get(cell[0], 1) - 1), cell[1]) for cell in world.wrong()
    }
    assert {cell for cell, window in windows.items() if stuck.isdisjoint(window)} <= left
    before = len(world.requested)
    world.days_pass(7)
    assert len(world.requested) == before
