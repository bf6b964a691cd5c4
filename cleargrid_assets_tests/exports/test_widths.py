"""What is learnt of the width that a server answers."""

from datetime import timedelta

from cleargrid_assets.exports.widths import Widths
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.driving import MIDNIGHT, WINDOW

HOUR = timedelta(hours=1)


def hours(width: int) -> Window:
    return Window(MIDNIGHT, MIDNIGHT + width * HOUR)


def asked(widths: Widths) -> Window:
    """What is asked for of a whole day."""
    cut = widths.fit(WINDOW)
    return cut[0] if cut else WINDOW


def after_answers(widths: Widths, answers: int) -> Window:
    for _ in range(answers):
        widths.answered(asked(widths))
    return asked(widths)


def refused(*widths_in_hours: int) -> Widths:
    widths = Widths()
    for width in widths_in_hours:
        widths.refused(hours(width))
    return widths


def test_nothing_is_cut_while_nothing_was_refused() -> None:
    assert Widths().fit(WINDOW) is None


def test_half_of_what_was_refused_is_asked_for_from_then_on() -> None:
    widths = refused(24, 12)
    assert widths.fit(WINDOW) == (hours(6), Window(MIDNIGHT + 6 * HOUR, WINDOW.until))
    assert widths.fit(hours(6)) is None


def test_what_was_in_flight_at_greater_width_does_not_widen_it_again_when_refused() -> None:
    assert asked(refused(24, 12, 24)) == hours(6)


def test_twice_the_width_is_tried_once_after_many_answers() -> None:
    widths = refused(24, 12, 6)
    assert after_answers(widths, 31) == hours(3)
    widths.answered(hours(3))
    assert [asked(widths), asked(widths)] == [hours(6), hours(3)]


def test_narrow_remnants_are_no_answers_to_go_by() -> None:
    widths = refused(24, 12)
    for _ in range(100):
        widths.answered(hours(3))
    assert asked(widths) == hours(6)


def test_widths_grow_with_every_answer_once_a_trial_was_answered() -> None:
    widths = refused(24, 12, 6, 3)
    assert after_answers(widths, 32) == hours(3)
    widths.answered(hours(3))
    assert after_answers(widths, 1) == hours(12)
    widths.answered(hours(12))
    assert asked(widths) == WINDOW


def test_a_refused_trial_is_repeated_after_twice_as_many_answers() -> None:
    widths = refused(24, 12)
    assert after_answers(widths, 32) == hours(12)
    widths.refused(hours(12))
    assert after_answers(widths, 63) == hours(6)
    assert after_answers(widths, 1) == hours(12)


def test_a_width_that_was_answered_before_must_be_refused_twice() -> None:
    widths = Widths()
    widths.answered(WINDOW)
    widths.refused(WINDOW)
    assert widths.fit(WINDOW) is None
    widths.refused(WINDOW)
    assert asked(widths) == hours(12)


def test_a_trial_of_the_whole_window_is_a_trial_too() -> None:
    widths = refused(24)
    assert after_answers(widths, 32) == WINDOW
    widths.refused(WINDOW)
    assert after_answers(widths, 63) == hours(12)


def test_what_was_answered_in_half_the_width_must_be_refused_twice_as_well() -> None:
    widths = Widths()
    widths.answered(WINDOW)
    widths.refused(WINDOW)
    widths.refused(hours(12))
    assert widths.fit(WINDOW) is None
