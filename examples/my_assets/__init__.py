"""An asset of one's own downstream of `channel_reach`. Its key prefix puts it into the daily run and the backfills."""

import dagster as dg
import pandas as pd

from cleargrid_assets.definitions import build_defs
from cleargrid_assets.partitions import DAILY


@dg.asset(
    key_prefix="cleargrid",
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.multi_run(10),
    metadata={"partition_expr": "communicated_date"},
    ins={"channel_reach": dg.AssetIn(["cleargrid", "channel_reach"])},
)
def unreached_contacts(channel_reach: pd.DataFrame) -> pd.DataFrame:
    """Contacts that were attempted and not reached, for each day and channel."""
    contacts = channel_reach["contacts"] - channel_reach["reached_contacts"]
    unreached: pd.DataFrame = channel_reach[["communicated_date", "channel"]].assign(contacts=contacts)
    return unreached


defs = dg.Definitions.merge(build_defs(), dg.Definitions(assets=[unreached_contacts]))
