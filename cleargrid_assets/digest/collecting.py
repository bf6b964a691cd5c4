"""Collects the content of a digest from the stored rows and from Dagster's history."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from cleargrid_assets.analysis.baselines import baselines_sql
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.unmapped import Unmapped
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.assets.presenting import presentation_of, shown_of
from cleargrid_assets.contracts import ALL_TYPES, ATTEMPT_FUNNEL, COMMUNICATION_LOGS, OPERATIONAL_HEALTH
from cleargrid_assets.digest.content import Digest, Section
from cleargrid_assets.digest.figures import figures, funnel_rows
from cleargrid_assets.digest.history import read_history
from cleargrid_assets.foreign import presentable
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures import text
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.resource import WarehouseResource

WEEK = timedelta(weeks=1)
