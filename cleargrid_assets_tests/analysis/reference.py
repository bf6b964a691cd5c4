"""The analyses a second time, in plain Python over the rows.

Written from the tables' descriptions alone, without a look at the package; nothing is imported from it. Each function
has the name of its table.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from cleargrid_assets_tests.analysis.reference_rows import (
    Row,
    channel,
    contact,
    contacts_of,
    day_of,
    grouped,
    is_outbound,
    kind,
    outcome,
    quantile,
    ratio,
    reached,
    stage,
    wilson,
    word,
)

ATTEMPTS_PER_WEEK, EARLIEST, LATEST = 3, time(9, 0), time(17, 30)
DAYS_OFF, WEEKDAY_OFF = {date(2026, 3, 8), date(2026, 5, 4), date(2026, 11, 4)}, "friday"
STAGES = ("attempted", "delivered", "reached", "engaged")


def interactions(rows: list[Row]) -> list[Row]:
    return [
        {
            "public_id": row["public_id"],
            "communicated_date": row["communicated_date"],
            "communicated_at": row["communicated_at"],
            "direction": row["direction"].lower(),
            "communication_type": kind(row),
            "status": word(row["status"]),
            "channel": channel(row),
            "contact": contact(row),
            "outcome": outcome(row),
            "duration": row["duration"],
            "logging_lag_s": (row["created_at"] - row["communicated_at"]).total_seconds(),
            "update_lag_s": (row["updated_at"] - row["created_at"]).total_seconds(),
        }
        for row in rows
    ]


def attempt_funnel(rows: list[Row], _days: Sequence[date], _zone: str) -> list[Row]:
    outbound = [row for row in rows if is_outbound(row)]
    groups = {**grouped(outbound, day_of, kind), **grouped(outbound, day_of, lambda row: "ALL")}
    result = []
    for (day, communication_type), group in groups.items():
        attempts = [[row for row in group if stage(row) >= order] for order in (1, 2, 3, 4)]
        contacts = [len(contacts_of(subset)) for subset in attempts]
        for index, name in enumerate(STAGES):
            result.append(
                {
                    "communicated_date": day,
                    "communication_type": communication_type,
                    "stage": name,
                    "stage_order": index + 1,
                    "attempts": len(attempts[index]),
                    "contacts": contacts[index],
                    "attempt_rate": ratio(len(attempts[index]), len(attempts[0])),
                    "contact_rate": ratio(contacts[index], contacts[0]),
                    "step_rate": ratio(contacts[index], contacts[index - 1]) if index else None,
                }
            )
    return result


def reach_by_attempt(rows: list[Row], days: Sequence[date], _zone: str) -> list[Row]:
    result = []
    for day in days:
        window = [row for row in rows if is_outbound(row) and 0 <= (day - day_of(row)).days < 7]
        for (name,), group in grouped(window, channel).items():
            # Of each contact: the number of its attempts, and of the first that reached it.
            lives = []
            for attempts in contacts_of(group).values():
                attempts.sort(key=lambda row: (row["communicated_at"], row["public_id"]))
                firsts = [number for number, row in enumerate(attempts, 1) if reached(row)]
                lives.append((len(attempts), min(firsts, default=math.inf)))
            survival = 1.0
            for number in range(1, min(max((length for length, _ in lives), default=0), 10) + 1):
                upper = number if number < 10 else math.inf
                attempted = [first for length, first in lives if length >= number]
                at_risk = [first for first in attempted if first >= number]
                hits = sum(first <= upper and first < math.inf for first in at_risk)
                survival *= 1 - hits / len(at_risk) if at_risk else 1
                low, high = wilson(hits, len(at_risk)) if at_risk else (None, None)
                result.append(
                    {
                        "communicated_date": day,
                        "channel": name,
                        "attempt_number": number,
                        "contacts_attempted": len(attempted),
                        "contacts_first_reached": hits,
                        "cumulative_reach_rate": sum(first <= upper and first < math.inf for _, first in lives)
                        / len(lives),
                        "window_days": 7,
                        "contacts_at_risk": len(at_risk),
                        "reach_probability": ratio(hits, len(at_risk)),
                        "reach_probability_low": low,
                        "reach_probability_high": high,
                        "km_reach_rate": 1 - survival if at_risk else None,
                    }
                )
    return result


def channel_reach(rows: list[Row], _days: Sequence[date], _zone: str) -> list[Row]:
    result = []
    for (day, name), group in grouped(rows, day_of, channel).items():
        attempts = [row for row in group if is_outbound(row)]
        if not attempts:
            continue
        contacts = contacts_of(attempts)
        people_reached = {name for name, tries in contacts.items() if any(map(reached, tries))}
        answers = contacts_of(row for row in group if row["direction"].lower() == "inbound")
        responded = {
            name
            for name, tries in contacts.items()
            for answer in answers.get(name, [])
            if any(row["communicated_at"] < answer["communicated_at"] for row in tries)
        }
        low, high = wilson(len(people_reached), len(contacts)) if contacts else (None, None)
        result.append(
            {
                "communicated_date": day,
                "channel": name,
                "attempts": len(attempts),
                "contacts": len(contacts),
                "reached_contacts": len(people_reached),
                "reach_rate": ratio(len(people_reached), len(contacts)),
                "reach_rate_low": low,
                "reach_rate_high": high,
                "attempts_per_reached_contact": ratio(len(attempts), len(people_reached)),
                "contacts_responded": len(responded),
                "median_duration": quantile(
                    [row["duration"] for row in attempts if reached(row) and row["duration"] is not None], 0.5
                ),
            }
        )
    return result


def hourly_reach(rows: list[Row], _days: Sequence[date], zone: str) -> list[Row]:
    result = []
    for (day, name), group in grouped(filter(is_outbound, rows), day_of, channel).items():
        by_hour = grouped(group, lambda row: row["communicated_at"].astimezone(ZoneInfo(zone)).hour)
        for hour in range(24):
            attempts = by_hour.get((hour,), [])
            hits = sum(reached(row) for row in attempts)
            result.append(
                {
                    "communicated_date": day,
                    "channel": name,
                    "hour": hour,
                    "attempts": len(attempts),
                    "reached_attempts": hits,
                    "reach_rate": ratio(hits, len(attempts)),
                }
            )
    return result


def operational_health(rows: list[Row], _days: Sequence[date], _zone: str) -> list[Row]:
    result = []
    groups = {**grouped(rows, day_of, kind), **grouped(rows, day_of, lambda row: "ALL")}
    for (day, name), group in groups.items():
        lags = [(row["created_at"] - row["communicated_at"]).total_seconds() for row in group]
        updates = [(row["updated_at"] - row["created_at"]).total_seconds() for row in group]
        failed = sum(outcome(row) == "failed" for row in group)
        result.append(
            {
                "communicated_date": day,
                "communication_type": name,
                "communications": len(group),
                "failed": failed,
                "failure_rate": failed / len(group),
                "unmapped": sum(outcome(row) == "unmapped" for row in group),
                "withheld": sum(
                    contact(row) is None for row in group if row["direction"].lower() in ("inbound", "outbound")
                ),
                "answered_without_duration": sum(
                    channel(row) == "phone" and reached(row) and row["duration"] is None for row in group
                ),
                "logging_lag_p50_s": quantile(lags, 0.5),
                "logging_lag_p95_s": quantile(lags, 0.95),
                "logging_lag_max_s": max(lags),
                "update_lag_p95_s": quantile(updates, 0.95),
                "first_at": min(row["communicated_at"] for row in group),
                "last_at": max(row["communicated_at"] for row in group),
            }
        )
    return result


def contact_frequency(rows: list[Row], days: Sequence[date], zone: str) -> list[Row]:
    result = []
    for day in days:
        window = [row for row in rows if is_outbound(row) and 0 <= (day - day_of(row)).days < 7]
        for (name,), group in grouped(window, channel).items():
            numbers = [len(attempts) for attempts in contacts_of(group).values()]
            today = [row for row in group if day_of(row) == day]
            clocks = [row["communicated_at"].astimezone(ZoneInfo(zone)).time() for row in today]
            is_off = day in DAYS_OFF or day.strftime("%A").lower() == WEEKDAY_OFF
            result.append(
                {
                    "communicated_date": day,
                    "channel": name,
                    "contacts": len(numbers),
                    "most_attempts": max(numbers, default=0),
                    "contacts_1": numbers.count(1),
                    "contacts_2": numbers.count(2),
                    "contacts_3_4": sum(number in (3, 4) for number in numbers),
                    "contacts_5_7": sum(number in (5, 6, 7) for number in numbers),
                    "contacts_8_up": sum(number >= 8 for number in numbers),
                    "contacts_over_limit": sum(number > ATTEMPTS_PER_WEEK for number in numbers),
                    "attempts_outside_hours": sum(clock < EARLIEST or clock >= LATEST for clock in clocks),
                    "attempts_on_days_off": len(today) if is_off else 0,
                }
            )
    return result


def spread_of(values: list[float]) -> float:
    middle = quantile(values, 0.5)
    deviation = quantile([abs(value - middle) for value in values], 0.5) if middle is not None else None
    return 1.4826 * deviation if deviation is not None else 0.0


def operational_baselines(health: list[Row], stored: Mapping[date, int], days_off: Collection[date]) -> list[Row]:
    """The view over rows of `operational_health` and the stored days with their number of rows."""
    facts = {(row["communicated_date"], row["communication_type"]): row for row in health}
    nothing = {"communications": 0, "failed": 0, "failure_rate": None, "logging_lag_p95_s": None}
    result = []
    for day in stored:
        since = day - timedelta(days=42)
        names = {"ALL", *(name for each, name in facts if since <= each <= day)}
        before = [day - timedelta(weeks=weeks) for weeks in (1, 2, 3, 4, 5, 6)]
        past = [each for each in before if stored.get(each) and each not in days_off]
        for name in names:
            today = facts.get((day, name), nothing)
            row = {"communicated_date": day, "communication_type": name, "is_day_off": day in days_off}
            row |= {figure: today[figure] for figure in ("communications", "failure_rate", "logging_lag_p95_s")}
            if len(past) >= 3 and day not in days_off:
                row |= judged(today, [facts.get((each, name), nothing) for each in past], 3 if name == "ALL" else 4)
            result.append(row)
    return result


def judged(today: Row, past: list[Row], spreads: int) -> Row:
    """The columns of a judged day and type."""
    communications = today["communications"]
    volumes = [row["communications"] for row in past]
    m = quantile(volumes, 0.5)
    assert m is not None
    spread = max(spread_of(volumes), 0.07 * m, math.sqrt(max(m, 1)))
    row: Row = {
        "baseline_communications": m,
        "communications_spread": spread,
        "communications_low": max(m - spreads * spread, 0.0),
        "communications_high": m + spreads * spread,
        "volume_ratio": ratio(communications, m),
        "volume_is_unusual": abs(communications - m) > spreads * spread,
        "is_silent": communications == 0 and m >= 10,
    }
    p = ratio(sum(each["failed"] for each in past), sum(volumes))
    row["baseline_failure_rate"] = p
    if p is not None and communications:
        deviation = spread_of([each["failure_rate"] for each in past if each["communications"]])
        spread = max(math.sqrt(p * (1 - p) / communications + (0.1 * p) ** 2), deviation)
        row |= {
            "failure_rate_spread": spread,
            "failure_rate_high": min(p + 4 * spread, 1.0),
            "failure_is_unusual": today["failure_rate"] - p > 4 * spread,
        }
    lags = [each["logging_lag_p95_s"] for each in past if each["communications"]]
    lag = quantile(lags, 0.5)
    if lag is not None:
        spread = max(spread_of(lags), 0.2 * lag, 1.0)
        row |= {"baseline_logging_lag_p95_s": lag, "lag_spread": spread, "lag_high_s": lag + 4 * spread}
        if communications:
            row["lag_is_unusual"] = today["logging_lag_p95_s"] - lag > 4 * spread
    flags = ("volume_is_unusual", "is_silent", "failure_is_unusual", "lag_is_unusual")
    return {**row, "is_unusual": any(row.get(flag) for flag in flags)}
