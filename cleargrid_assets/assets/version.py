"""What the rows of a table are made with, in words. The ledger keeps it for every day."""

from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.partitions import BUSINESS_ZONE


def made_with(code_version: str, outcomes: Outcomes | None = None) -> str:
    """Code version, time zone and, for an analysis, a fingerprint of the outcomes.

    Args:
        code_version: The code version of the asset.
        outcomes: The meaning of statuses and types; None if the rows do not depend on it.
    """
    parts = [f"code {code_version}", BUSINESS_ZONE.key]
    if outcomes is not None:
        parts.append(f"outcomes {outcomes.fingerprint}")
    return ", ".join(parts)
