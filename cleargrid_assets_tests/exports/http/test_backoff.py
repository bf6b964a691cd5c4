"""How long to wait between attempts."""

from cleargrid_assets.exports.http.backoff import Backoff


def test_waits_double_up_to_the_maximum() -> None:
    backoff = Backoff(first_s=0.5, max_s=2.0)
    assert [backoff.seconds(attempt) for attempt in range(-1, 6)] == [0, 0, 0.5, 1, 2, 2, 2]


def test_jitter_is_added_and_bounded() -> None:
    waits = {Backoff(first_s=1.0, max_s=1.0, jitter_s=0.5).seconds(3) for _ in range(50)}
    assert len(waits) > 1
    assert all(1 <= wait <= 1.5 for wait in waits)
