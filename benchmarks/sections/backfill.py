"""A backfill of a month through the daemon, compared with a stock project that has one run per day."""

import shutil
from collections.abc import Mapping

from benchmarks import contestants
from benchmarks.contestants import OURS_4, STOCK_DAGSTER, Contestant
from benchmarks.daemon import Backfill, backfill, dagster_dev
from benchmarks.environments import CHECKOUT
from benchmarks.report import Section, Target
from benchmarks.serving import Server, serving
from benchmarks.session import Session, log_progress
from benchmarks.stored import Summary, summary, verify

_ASSETS: Mapping[Contestant, tuple[str, tuple[str, ...]]] = {
    OURS_4: ("cleargrid_assets.definitions", tuple(contestants.LOGS.split("/"))),
    STOCK_DAGSTER: ("benchmarks.programs.stock_dagster", ("communication_logs",)),
}
_MIN_SPEEDUP = 5


def run(session: Session) -> Section:
    """Runs each backfill once, because the daemon polls at a fixed interval."""
    dataset = session.dataset(session.sizes.backfilled_day, session.sizes.backfilled_days)
    results: dict[Contestant, tuple[Backfill, Summary]] = {}
    with serving(dataset) as server:
        for contestant in (OURS_4, STOCK_DAGSTER):
            results[contestant] = _backfilled(session, contestant, server)
            log_progress(f"{contestant.name}: {results[contestant][0]}")
    ours, stock = results[OURS_4][0], results[STOCK_DAGSTER][0]
    return Section(
        title=f"A backfill of {dataset.days} days of {dataset.rows_per_day:,} rows",
        header=("contestant", "runs", "failed", "rows stored", "waiting s", "working s", "complete s"),
        rows=[
            (
                contestant.name,
                str(result.runs),
                str(result.failed_runs),
                f"{stored.rows:,} of {dataset.rows:,}",
                f"{result.waited_s:.0f}",
                f"{result.worked_s:.0f}",
                f"{result.complete_s:.0f}",
            )
            for contestant, (result, stored) in results.items()
        ],
        note="Launched through the web server of `dagster dev` on a new Dagster home, at 0 ms per request. *Waiting* "
        "ends when the daemon creates the first run. *Working* lasts from there to the end of the last run. *Complete* "
        "lasts from the launch until the daemon reports the end. The daemon polls every 30 s. This project runs with "
        "its own `dagster.yaml`, the stock project with Dagster's defaults (ten runs at a time).",
        targets=[
            Target.at_least(
                "backfill, working time, compared with the stock project", _MIN_SPEEDUP, stock.worked_s / ours.worked_s
            ),
            Target.at_most("failed runs of the backfill", 0, ours.failed_runs, "runs"),
        ],
    )


def _backfilled(session: Session, contestant: Contestant, server: Server) -> tuple[Backfill, Summary]:
    module, asset = _ASSETS[contestant]
    with session.run_folder() as folder:
        if contestant is OURS_4:
            # Its paths are relative to the working folder, so Dagster's databases stay in this folder.
            shutil.copy(CHECKOUT / "dagster.yaml", folder)
        variables = session.variables(contestant, server, folder)
        with dagster_dev(session.bin_folder(contestant.environment), module, variables, folder) as url:
            result = backfill(url, asset, server.dataset.all_days)
        database = contestants.database(folder)
        if not result.failed_runs:
            verify(contestant.name, database, contestant.table, server.dataset)
        return result, summary(database, contestant.table)
