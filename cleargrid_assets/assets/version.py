"""What the rows of a table are made with, in words. The ledger keeps it for every day."""

from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pseudonyms import Pseudonyms


def made_with(
    code_version: str,
    outcomes: Outcomes | None = None,
    *,
    depends_on_rules: bool = False,
    region: str | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> str:
    """Code version, time zone, and what else the rows depend on.

    Args:
        code_version: The code version of the asset.
        outcomes: The meaning of statuses and types; None if the rows do not depend on it.
        depends_on_rules: Whether the rows also depend on the days off and the limits of the outcomes file.
        region: The country of telephone numbers without a country code; None if the rows do not depend on it.
        pseudonyms: What stands for addresses; None if the rows have them as they came, or none.
    """
    parts = [f"code {code_version}", BUSINESS_ZONE.key]
    if outcomes is not None:
        parts.append(f"outcomes {outcomes.meaning_fingerprint}")
        if depends_on_rules:
            parts.append(f"days off and limits {outcomes.rules_fingerprint}")
    if region is not None:
        parts.append(f"region {region}")
    if pseudonyms is not None:
        parts.append(pseudonyms.version)
    return ", ".join(parts)
