"""All checks of an export asset, made from its dataset and its table."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from cleargrid_assets.checks import source
from cleargrid_assets.checks.history import history_checks
from cleargrid_assets.checks.quarantined import find_quarantined, no_row_is_quarantined
from cleargrid_assets.checks.row_rules import RowChecks, RowRule
from cleargrid_assets.checks.scope import days_in_scope, last_materialization, rows_by_day
from cleargrid_assets.checks.shrinking import find_shrunk, no_day_has_shrunk
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import open_slices


def export_checks(
    dataset: Dataset,
    table: Table,
    derived: Sequence[Table] = (),
    special_rules: Mapping[str, RowRule] | None = None,
) -> list[dg.AssetChecksDefinition]:
    """The checks of the stored rows, the source and the history of an export.

    Args:
        dataset: The source of the rows.
        table: The table that stores them.
        derived: The tables that are computed from it. Their history is checked, too.
        special_rules: Rules for each row besides those of the contract, by the names of their checks.
    """
    return [_stored_checks(dataset, table, special_rules or {}), history_checks(table, derived)]


def _stored_checks(dataset: Dataset, table: Table, special_rules: Mapping[str, RowRule]) -> dg.AssetChecksDefinition:
    """The checks of the days that a run stores, as one step with one connection."""
    row_checks = RowChecks(dataset, table, special_rules)
    agrees, no_new_fields, not_shrunk = source.agrees(table), source.no_new_fields(table), no_day_has_shrunk(table)
    none_quarantined = no_row_is_quarantined(table)

    @dg.multi_asset_check(
        name=f"{table.name}_rows",
        specs=[*row_checks.specs, none_quarantined, agrees, no_new_fields, not_shrunk],
        can_subset=True,
    )
    def stored_checks(
        context: dg.AssetCheckExecutionContext, exports: ExportsResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        days = days_in_scope(context, table, warehouse)
        slices = [warehouse.slice(each, days) for each in (table, quarantine_of(table))]
        with open_slices(*slices) as [rows, bad_rows]:
            results = row_checks.examine(rows, days)
            results.append(find_quarantined(none_quarantined, table, bad_rows, days))
            stored, quarantined = rows_by_day(rows, days), rows_by_day(bad_rows, days)
        last = {day: last_materialization(context.instance, table, day) for day in days}
        results += [source.find_new_fields(no_new_fields, last), find_shrunk(not_shrunk, last)]
        if agrees.name in selected:
            results.append(
                source.compare_counts(
                    agrees,
                    exports,
                    dataset,
                    stored=stored,
                    quarantined=quarantined,
                    last=last,
                    run_id=context.run.run_id,
                )
            )
        yield from (result for result in results if result.check_name in selected)

    return stored_checks
