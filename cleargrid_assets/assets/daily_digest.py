"""The daily digest: a page about one day, and its message."""

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg

from cleargrid_assets.alerts.sending import AlertError, send
from cleargrid_assets.assets.presenting import report_command
from cleargrid_assets.assets.table_asset import without_beta_warnings
from cleargrid_assets.contracts import TABLES
from cleargrid_assets.digest import message
from cleargrid_assets.digest.collecting import collect
from cleargrid_assets.digest.content import Digest
from cleargrid_assets.digest.files import FOLDER, reports_folder, write_page
from cleargrid_assets.digest.page import page
from cleargrid_assets.partitions import DAILY, DAYS_PER_RUN
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key

DIGEST_KEY = dg.AssetKey([SCHEMA, "daily_digest"])
DIGEST_JOB = "digest"

_SENT = "sent"
"""Metadata of a digest that was sent: the fingerprint of its message."""

_DIGESTS_BEFORE = 20
"""Max earlier digests of a day that are looked at."""

_DESCRIPTION = """\
What whoever is on call wants to know of a day: an HTML page with the headlines against the same weekday of the week
before, the funnel, the pictures of the tables, the failing checks with their remedies, what the latest fetches
changed, and words without a meaning.

- The page is `reports/<day>.html` in the folder of the database. It refers to nothing outside of itself.
- The job `digest` makes it when a run of `freshness` has ended. `cleargrid report --day <day>` makes it at any time.
- A run of several days makes no page.
- With `CLEARGRID_DIGEST=on`, the job sends headlines and funnel to the addresses of `CLEARGRID_ALERTS`. A message that
  was sent is not sent again, unless its content has changed."""


def _make_digest(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, outcomes: OutcomesResource
) -> dg.MaterializeResult[Any]:
    keys = context.partition_keys
    if len(keys) > 1:
        for key in keys:
            context.add_asset_metadata(
                {"summary": dg.MetadataValue.md(_no_page(key, warehouse.database))}, partition_key=key
            )
        return dg.MaterializeResult()
    day = date.fromisoformat(keys[0])
    digest = collect(day, warehouse, outcomes.load(), context.instance, datetime.now(timezone.utc))
    try:
        file = write_page(reports_folder(warehouse.database), day, page(digest))
    except OSError as error:
        raise dg.Failure(
            f"The page of {day} could not be written to the folder {FOLDER!r} of the database: {error.strerror}. Make "
            "the folder writable, then materialize the day again.",
            allow_retries=False,
        ) from error
    sent = _sent(context, digest, file) if context.job_name == DIGEST_JOB else None
    return dg.MaterializeResult(
        metadata={
            "summary": dg.MetadataValue.md(message.summary(digest)),
            "file": file.name,
            "failing_checks": len(digest.failing),
            **({_SENT: sent} if sent else {}),
        }
    )


def _no_page(key: str, database: str) -> str:
    return f"This run of several days made no page. To make one: {report_command(key, database)}."


def _sent(context: dg.AssetExecutionContext, digest: Digest, file: Path) -> str | None:
    """Sends the digest if that is wanted and the same message was not sent before.

    Returns:
        The fingerprint of the message; None if it was not sent.
    """
    settings = Settings.from_environment()
    if settings.digest == "off":
        return None
    if settings.alerts is None:
        context.log.warning("CLEARGRID_DIGEST is on, but the digest was not sent, because CLEARGRID_ALERTS is not set.")
        return None
    fingerprint = message.fingerprint(digest)
    if fingerprint == _last_sent(context.instance, digest.day):
        context.log.info(f"The digest of {digest.day} was not sent again, because its content has not changed.")
        return fingerprint
    path = f"/assets/{'/'.join(DIGEST_KEY.path)}?view=partitions&partition={digest.day}"
    link = f"{settings.ui_url}{path}" if settings.ui_url else None
    try:
        send(settings.alerts, message.title(digest), message.body(digest, link), file)
    except AlertError as error:
        context.log.warning(f"The digest of {digest.day} was not sent to every address. {error}")
        return None
    return fingerprint


def _last_sent(instance: dg.DagsterInstance, day: date) -> object:
    """The fingerprint of the last message about a day; None if there was none."""
    which = dg.AssetRecordsFilter(DIGEST_KEY, asset_partitions=[day.isoformat()])
    for record in instance.fetch_materializations(which, limit=_DIGESTS_BEFORE).records:
        if record.asset_materialization and _SENT in record.asset_materialization.metadata:
            return record.asset_materialization.metadata[_SENT].value
    return None


with without_beta_warnings():
    daily_digest = dg.asset(
        key=DIGEST_KEY,
        description=_DESCRIPTION,
        partitions_def=DAILY,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        group_name=SCHEMA,
        kinds={"html", "python"},
        deps=[asset_key(table) for table in TABLES],
        code_version="1",
    )(_make_digest)
