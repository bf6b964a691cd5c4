"""What is learnt of the limit that a server answers."""

from cleargrid_assets.exports.limits import Limits


def after_answers(limits: Limits, answers: int) -> int:
    for _ in range(answers):
        limits.answered(limits.next())
    return limits.next()


def lowered(times: int) -> Limits:
    limits = Limits(1000)
    for _ in range(times):
        assert limits.lower()
    return limits


def test_the_page_size_is_asked_for_while_nothing_was_refused() -> None:
    assert after_answers(Limits(1000), 100) == 1000


def test_a_lowered_limit_is_a_tenth_and_at_least_a_row() -> None:
    assert [lowered(times).next() for times in range(1, 4)] == [100, 10, 1]
    assert not lowered(3).lower()


def test_twice_the_limit_is_tried_once_after_many_answers() -> None:
    limits = lowered(1)
    assert after_answers(limits, 31) == 100
    limits.answered(100)
    assert [limits.next(), limits.next()] == [200, 100]


def test_limits_grow_with_every_answer_to_the_page_size_once_a_trial_was_answered() -> None:
    limits = lowered(1)
    assert after_answers(limits, 32) == 200
    limits.answered(200)
    assert after_answers(limits, 1) == 800
    limits.answered(800)
    assert after_answers(limits, 100) == 1000


def test_a_refused_trial_is_repeated_after_twice_as_many_answers() -> None:
    limits = lowered(1)
    assert after_answers(limits, 32) == 200
    assert limits.refused_trial(200)
    assert after_answers(limits, 63) == 100
    assert after_answers(limits, 1) == 200


def test_what_was_in_flight_with_a_larger_limit_says_nothing_of_the_lowered_one() -> None:
    limits = lowered(1)
    assert limits.refused_trial(1000)
    assert not limits.refused_trial(100)
    assert limits.next() == 100
    for _ in range(100):
        limits.answered(1000)
    assert limits.next() == 100


def test_a_trial_still_in_flight_when_the_limit_is_lowered_does_not_raise_it_again() -> None:
    limits = lowered(1)
    assert after_answers(limits, 32) == 200
    assert limits.lower()
    limits.answered(200)
    assert limits.next() == 10
