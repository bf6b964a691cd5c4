"""What is learnt about the largest value that the server answers."""

from cleargrid_assets.exports.walking.adaptive import Adaptive


def limits() -> Adaptive:
    return Adaptive(1000, divisor=10)


def after_answers(adaptive: Adaptive, answers: int) -> int:
    for _ in range(answers):
        adaptive.answered(adaptive.next())
    return adaptive.next()


def refused(adaptive: Adaptive, *values: int) -> Adaptive:
    for value in values:
        assert adaptive.refused(value)
    return adaptive


def test_maximum_is_used_while_nothing_is_refused() -> None:
    assert after_answers(limits(), 100) == 1000


def test_refused_value_is_divided_down_to_the_minimum() -> None:
    adaptive = limits()
    assert [refused(adaptive, value).next() for value in (1000, 100, 10)] == [100, 10, 1]
    assert not adaptive.refused(1)
    assert adaptive.next() == 1


def test_refusal_of_a_larger_value_in_flight_does_not_raise_it() -> None:
    assert refused(Adaptive(24), 24, 12, 24).next() == 6


def test_answers_of_larger_values_in_flight_are_no_trials() -> None:
    adaptive = refused(limits(), 1000)
    for _ in range(100):
        adaptive.answered(1000)
    assert adaptive.next() == 100


def test_larger_value_in_flight_raises_the_value_if_it_proves_it() -> None:
    """After a short outage, the windows that were requested before it are answered."""
    adaptive = refused(Adaptive(24), 24, 12)
    adaptive.answered(18, proves_it=True)
    assert adaptive.allowed == 18
    assert adaptive.next() == 24


def test_twice_the_value_is_tried_once_after_many_answers() -> None:
    adaptive = refused(limits(), 1000)
    assert after_answers(adaptive, 31) == 100
    adaptive.answered(100)
    assert [adaptive.next(), adaptive.next()] == [200, 100]


def test_much_smaller_values_do_not_lead_to_a_trial() -> None:
    adaptive = refused(Adaptive(24), 24, 12)
    for _ in range(100):
        adaptive.answered(3)
    assert adaptive.next() == 6


def test_answered_trials_follow_each_other_up_to_the_maximum() -> None:
    adaptive = refused(limits(), 1000)
    assert after_answers(adaptive, 32) == 200
    adaptive.answered(200)
    assert after_answers(adaptive, 1) == 800
    adaptive.answered(800)
    assert after_answers(adaptive, 100) == 1000


def test_trial_answered_with_less_than_twice_raises_the_value() -> None:
    """The rest of a window can be narrower than the trial."""
    adaptive = refused(Adaptive(24), 24, 12)
    assert after_answers(adaptive, 32) == 12
    adaptive.answered(9)
    assert adaptive.allowed == 9


def test_refused_trial_is_repeated_after_twice_as_many_answers() -> None:
    adaptive = refused(limits(), 1000)
    assert after_answers(adaptive, 32) == 200
    assert adaptive.refused(200)
    assert after_answers(adaptive, 63) == 100
    assert after_answers(adaptive, 1) == 200


def test_trial_of_the_maximum_is_a_trial_too() -> None:
    adaptive = refused(Adaptive(24), 24)
    assert after_answers(adaptive, 32) == 24
    assert adaptive.refused(24)
    assert after_answers(adaptive, 63) == 12


def test_trial_in_flight_does_not_raise_a_value_lowered_meanwhile() -> None:
    adaptive = refused(limits(), 1000)
    assert after_answers(adaptive, 32) == 200
    # Answered before, so it takes two refusals.
    assert [adaptive.refused(100), adaptive.refused(100)] == [False, True]
    adaptive.answered(200)
    assert adaptive.next() == 10


def test_answered_value_is_lowered_by_the_second_refusal() -> None:
    adaptive = Adaptive(24)
    adaptive.answered(24)
    assert not adaptive.refused(24)
    assert adaptive.next() == 24
    assert adaptive.refused(24)
    assert adaptive.next() == 12


def test_half_of_an_answered_value_must_be_refused_twice_too() -> None:
    adaptive = Adaptive(24)
    adaptive.answered(24)
    assert [adaptive.refused(24), adaptive.refused(12)] == [False, False]
    assert adaptive.next() == 24


def test_answered_value_can_be_lowered_at_once() -> None:
    adaptive = limits()
    adaptive.answered(1000)
    assert [adaptive.lower(value) for value in (1000, 100, 10, 1)] == [True, True, True, False]
    assert adaptive.next() == 1
