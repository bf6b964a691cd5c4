"""The communication logs: dataset D21 of the Exports API."""

from cleargrid_assets.assets.export import export_asset, export_source
from cleargrid_assets.assets.presenting import presentation_of_log
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.resources import OutcomesResource

communication_logs_source = export_source(D21)
communication_logs = export_asset(
    D21, COMMUNICATION_LOGS, lambda day, warehouse: presentation_of_log(day, warehouse, OutcomesResource().load())
)
