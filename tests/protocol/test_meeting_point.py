"""The meeting point: runs are counted before anything is due, and little lowers the count."""

import os
from dataclasses import replace

import pytest

from ojak_protocol import conversation as talk
from ojak_protocol import meeting_point as point_
from ojak_protocol.errors import Exhausted, LocalError
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.meeting_point import MeetingPoint, answer_places, lay, offers_due
from ojak_protocol.visits import VISIT_SECONDS, Letter, Visit
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    GREETING,
    KEM,
    RIGHT,
    WRONG,
    boxes_of,
    come,
    confirm,
    holds,
    look,
    new_point,
    receipt,
    take,
)


def visited(point: MeetingPoint, *, until: int = CLOCK + 60) -> tuple[MeetingPoint, Visit]:
    """The point after a stranger answered its lowest free run."""
    point = lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
    if not any(laid.open_runs for laid in point.offers if laid.day == DAY):
        # Twelve came today. The next comes on another day, which is today again to these tests.
        others = tuple(laid for laid in point.offers if laid.day != DAY)
        point = lay(replace(point, offers=others), day=DAY, now=CLOCK, entropy=ENTROPY)
    return take(point, come(point, WRONG, until=until))


def test_an_offer_is_laid_for_today_and_14_days_ahead() -> None:
    point = new_point()
    assert [laid.day for laid in point.offers] == list(range(DAY, DAY + 15))
    assert lay(point, day=DAY, now=CLOCK, entropy=ENTROPY) == point


def test_each_offer_is_due_from_the_start_of_the_day_before_its_own_for_three_days() -> None:
    due = offers_due(new_point(), relay_clock=CLOCK)
    assert [deposit.laid.day for deposit in due] == list(range(DAY, DAY + 15))
    assert (due[0].after_seconds, due[0].ttl_seconds) == (0, 2 * DAY_SECONDS - 1000)
    assert (due[1].after_seconds, due[1].ttl_seconds) == (0, 3 * DAY_SECONDS - 1000)
    assert (due[2].after_seconds, due[2].ttl_seconds) == (DAY_SECONDS - 1000, 3 * DAY_SECONDS)
    late = (DAY + 2) * DAY_SECONDS - 59
    assert offers_due(new_point(), relay_clock=late)[0].laid.day == DAY + 1


def test_what_was_laid_is_not_due_again_and_a_stranger_in_its_place_is_remembered() -> None:
    point = new_point()
    laid = point.offers[0]
    calm = point_.offer_laid(point, laid, occupied=False)
    assert len(offers_due(calm, relay_clock=CLOCK)) == 14
    assert not calm.occupied
    taken = point_.offer_laid(calm, point.offers[1], occupied=True)
    assert taken.occupied
    assert point_.offer_laid(taken, point.offers[2], occupied=False).occupied


def test_a_used_up_offer_is_followed_by_another_and_three_are_all() -> None:
    point = new_point()
    for used in range(1, 13):
        point, _ = visited(point_.reopen(point))
        point = lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
        of_today = [laid.n for laid in point.offers if laid.day == DAY]
        assert of_today == list(range(min(3, used // 4 + 1)))
    assert not any(laid.open_runs for laid in point.offers if laid.day == DAY)


def test_the_count_rises_before_anything_is_due() -> None:
    point = new_point()
    after, visit = visited(point)
    # One state holds both: whoever keeps it before he deposits has counted before he sends.
    assert (after.counted, after.unconfirmed) == (1, 1)
    assert all(talk.due(branch, now=CLOCK) for branch in visit.branches)
    assert point.visits == ()


def test_five_unconfirmed_runs_close_the_point_and_its_person_reopens_it() -> None:
    point = new_point()
    for _ in range(5):
        assert not point.closed
        point, visit = visited(point)
        assert visit.counted
    assert point.closed
    assert not point.dead
    point, visit = visited(point)
    assert [branch.outbox for branch in visit.branches] == [(), ()]
    assert (point.counted, point.unconfirmed) == (5, 6)
    point = point_.reopen(point)
    assert not point.closed
    point, visit = visited(point)
    assert visit.counted
    assert (point.counted, point.unconfirmed) == (1, 7)


def test_twenty_unconfirmed_runs_kill_the_set_for_good() -> None:
    point = new_point()
    for _ in range(20):
        assert not point.dead
        point, _ = visited(point_.reopen(point))
    assert point.dead
    point = point_.reopen(point)
    assert point.closed
    assert answer_places(point, day=DAY, older=False) == {}
    assert answer_places(point, day=DAY + 3, older=True) == {}
    assert (
        lay(point, day=DAY + 5, now=(DAY + 5) * DAY_SECONDS, entropy=ENTROPY).offers == point.offers
    )


def test_late_answers_are_offered_nothing_but_count_to_the_twenty() -> None:
    point, visit = visited(new_point(), until=CLOCK - 1)
    assert [branch.outbox for branch in visit.branches] == [(), ()]
    assert not visit.counted
    assert (point.counted, point.unconfirmed) == (0, 1)
    assert visited(new_point(), until=CLOCK)[1].counted


def confirmed_by(point: MeetingPoint, typed: bytes) -> tuple[MeetingPoint, dict[bytes, bytes]]:
    """The point after a visit that knows the answers, and the guest's first box."""
    point = lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
    attempt = come(point, typed)
    point, visit = take(point, attempt)
    found = look(attempt, boxes_of(*visit.branches))
    assert found is not None
    return point, boxes_of(receipt(found[0]))


def test_a_confirmation_takes_its_own_run_back_and_nothing_else_does() -> None:
    point, _ = visited(visited(new_point())[0])
    point, lying = confirmed_by(point, RIGHT)
    assert (point.counted, point.unconfirmed, len(point.visits)) == (3, 3, 3)
    for place in point_.visit_places(point):
        assert point_.confirm(point, place, os.urandom(4000), kem=KEM) is None
    found = confirm(point, lying)
    assert found is not None
    after, confirmed = found
    assert (after.counted, after.unconfirmed, len(after.visits)) == (2, 2, 2)
    assert confirmed.visit not in after.visits
    assert confirm(after, lying) is None
    later = lay(after, day=DAY + 30, now=(DAY + 30) * DAY_SECONDS, entropy=ENTROPY)
    later, _ = point_.forget_visits(later, now=CLOCK + 40 * DAY_SECONDS)
    assert (later.counted, later.unconfirmed, later.visits) == (2, 2, ())


def test_a_late_confirmation_of_a_run_before_reopening_takes_no_other_run_back() -> None:
    point, lying = confirmed_by(new_point(), RIGHT)
    point = point_.reopen(point)
    point, _ = visited(point)
    found = confirm(point, lying)
    assert found is not None
    assert (found[0].counted, found[0].unconfirmed) == (1, 1)


def test_a_run_is_taken_once() -> None:
    point = new_point()
    attempt = come(point, RIGHT)
    at = answer_places(point, day=DAY, older=False)[attempt.place]
    point, _ = take(point, attempt)
    assert attempt.place not in answer_places(point, day=DAY, older=False)
    with pytest.raises(LocalError):
        point_.take(
            point,
            at,
            attempt.box,
            letters=(GREETING,),
            relay_clock=CLOCK,
            now=CLOCK,
            entropy=ENTROPY,
            kem=KEM,
        )


def test_the_scalars_of_a_run_are_gone_once_it_is_taken() -> None:
    point = new_point()
    scalars = next(laid for laid in point.offers if laid.day == DAY).runs[0].scalars
    assert scalars is not None
    after, _ = take(point, come(point, RIGHT))
    assert all(holds(point, scalar) for scalar in scalars)
    assert not any(holds(after, scalar) for scalar in scalars)


def test_secrets_of_offers_older_than_8_days_go() -> None:
    point = new_point()
    seed = point.offers[0].kem_seed
    assert holds(lay(point, day=DAY + 8, now=(DAY + 8) * DAY_SECONDS, entropy=ENTROPY), seed)
    assert not holds(lay(point, day=DAY + 9, now=(DAY + 9) * DAY_SECONDS, entropy=ENTROPY), seed)


def test_a_visit_goes_after_seven_days_with_its_roots() -> None:
    point, visit = visited(new_point())
    early, old = point_.forget_visits(point, now=CLOCK + VISIT_SECONDS - 1)
    assert (len(early.visits), old) == (1, ())
    late, old = point_.forget_visits(point, now=CLOCK + VISIT_SECONDS)
    assert (late.visits, old) == ((), (visit,))
    assert not holds(late, visit.branches[0].ratchet.root)


@pytest.mark.parametrize(
    ("taken_at", "clocks", "left"),
    [
        # Ahead when it was taken, by a year, and set since: kept for seven days and no longer.
        (CLOCK + 365 * DAY_SECONDS, [CLOCK, CLOCK + VISIT_SECONDS - 1], 1),
        (CLOCK + 365 * DAY_SECONDS, [CLOCK, CLOCK + VISIT_SECONDS], 0),
        # Unset when it was taken, and set while its guest was looking.
        (60, [CLOCK, CLOCK + VISIT_SECONDS - 1], 1),
        (60, [CLOCK, CLOCK + VISIT_SECONDS], 0),
        # Unset at each start of the device until somebody tells it: that makes it last no longer.
        (CLOCK, [30, CLOCK + VISIT_SECONDS - 1], 1),
        (CLOCK, [30, CLOCK + 86_400, 40, CLOCK + VISIT_SECONDS], 0),
        # Never set.
        (60, [30, 30 + VISIT_SECONDS - 1], 1),
        (60, [30, 30 + VISIT_SECONDS], 0),
    ],
)
def test_however_the_clock_was_set_a_visit_is_neither_kept_for_ever_nor_forgotten_at_once(
    taken_at: int, clocks: list[int], left: int
) -> None:
    point, visit = visited(new_point())
    point = point_.change_visit(point, replace(visit, taken_at=taken_at))
    for now in clocks:
        point, _ = point_.forget_visits(point, now=now)
    assert len(point.visits) == left


def test_the_next_two_unanswered_runs_of_three_days_are_looked_at_and_older_ones_at_times() -> None:
    point = new_point()
    assert len(answer_places(point, day=DAY + 1, older=False)) == 6
    assert len(answer_places(point, day=DAY, older=False)) == 4
    assert len(answer_places(point, day=DAY + 9, older=True)) == 14
    runs = [at.run for at in answer_places(visited(point)[0], day=DAY, older=False).values()]
    assert runs[:2] == [1, 2]


def test_a_relay_whose_clock_jumps_cannot_make_the_state_grow_without_bound() -> None:
    point = new_point()
    for jump in range(40, 0, -1):
        point = lay(point, day=DAY + 1000 * jump, now=CLOCK, entropy=ENTROPY)
        point = lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
    assert len(point.offers) <= point_.MOST_OFFERS
    assert {laid.day for laid in point.offers} >= set(range(DAY, DAY + 15))
    assert all(
        due.after_seconds <= 30 * DAY_SECONDS for due in offers_due(point, relay_clock=CLOCK)
    )


@pytest.mark.parametrize("clock", [0, 1, 2**40, 2**64 - 1])
def test_no_clock_of_a_relay_stops_the_host(clock: int) -> None:
    day = point_.day_of(clock)
    point = lay(new_point(), day=day, now=day * DAY_SECONDS, entropy=ENTROPY)
    for older in (False, True):
        answer_places(point, day=day, older=older)
    offers_due(point, relay_clock=clock)


def test_a_visit_changes_in_its_place() -> None:
    point, visit = visited(visited(new_point())[0])
    changed = point_.change_visit(point, replace(visit, seen_left=True))
    assert [other.seen_left for other in changed.visits] == [False, True]


def test_confirmations_of_the_newest_visit_are_looked_for_first() -> None:
    point, visit = visited(visited(new_point())[0])
    places = point_.visit_places(point)
    assert len(set(places)) == 4
    assert places[:1] == talk.places(visit.branches[0], most=1, turn=0)


@pytest.mark.parametrize(("typed", "alarm"), [(RIGHT, False), (ALARM, True)])
def test_the_places_of_the_alarm_word_are_known_to_the_host_alone(
    typed: bytes, *, alarm: bool
) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, typed)
    point, visit = take(point, attempt)
    found = look(attempt, boxes_of(*visit.branches))
    assert found is not None
    [place] = boxes_of(receipt(found[0]))
    assert len(point_.alarm_places(point)) == 1
    assert (place in point_.alarm_places(point)) is alarm


def test_a_changed_alarm_word_opens_a_further_offer_for_each_day_and_keeps_the_runs_before() -> (
    None
):
    point = new_point()
    before = come(point, RIGHT)
    changed = point_.change_alarm(point, ALARM, day=DAY)
    changed = point_.lay(changed, day=DAY, now=CLOCK, entropy=ENTROPY)
    ahead = range(DAY, DAY + point_.DAYS_AHEAD + 1)
    for day in ahead:
        assert [laid.n for laid in changed.offers if laid.day == day] == [0, 1]
    due = {deposit.laid.n for deposit in point_.offers_due(changed, relay_clock=CLOCK)}
    assert due == {1}
    # A guest may have read the offer before it was superseded.
    assert before.place in answer_places(changed, day=DAY, older=False)
    forced = come(changed, ALARM)
    assert forced.place in answer_places(changed, day=DAY, older=False)
    for attempt, alarm in ((before, False), (forced, True)):
        later, visit = take(changed, attempt)
        found = look(attempt, boxes_of(*visit.branches))
        assert found is not None
        confirmed = confirm(later, boxes_of(receipt(found[0])))
        assert confirmed is not None
        assert confirmed[1].alarm is alarm


def test_an_alarm_word_is_not_changed_where_a_guest_would_still_meet_the_one_before() -> None:
    point = new_point()
    for word in (ALARM, b"b" * 32):
        point = point_.change_alarm(point, word, day=DAY)
        point = point_.lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)
    with pytest.raises(Exhausted):
        point_.change_alarm(point, None, day=DAY)
    # Days that are over are no reason.
    assert point_.change_alarm(point, None, day=DAY + point_.DAYS_AHEAD + 2).alarm is None


def test_a_letter_is_asked_back_from_both_branches_of_every_visit_at_once() -> None:
    point = new_point(alarm=ALARM)
    offered = (
        Letter(7, Body(Kind.TEXT, "real"), Body(Kind.TEXT, "harmless"), 9),
        Letter(8, Body(Kind.TEXT, "real too"), Body(Kind.TEXT, "harmless too"), 10),
    )
    for _ in range(2):
        point, visit = take(point, come(point, RIGHT), offered)
    assert visit.references == (7, 8, 9, 10)
    for asked_back in (8, 10):
        for visit in point_.recall(point, asked_back).visits:
            for branch in visit.branches:
                assert [bool(out.letter) for out in branch.outbox] == [True, False]
                assert [out.replaces for out in branch.outbox] == [False, True]
    assert point_.recall(point, 99) == point


def test_a_visit_knows_whether_its_answers_were_spent_and_how_many_letters_it_was_promised() -> (
    None
):
    for spent in (False, True):
        point = replace(new_point(), spent=spent)
        greeting = Body(Kind.GREETING, following=3)
        _, visit = take(point, come(point, RIGHT), (Letter(0, greeting, greeting),))
        assert (visit.spent, visit.following) == (spent, 3)


def test_noise_where_an_answer_should_be_takes_the_run_and_counts_nothing() -> None:
    point = new_point()
    at = next(iter(answer_places(point, day=DAY, older=False).values()))
    after = point_.take(
        point,
        at,
        os.urandom(4000),
        letters=(GREETING,),
        relay_clock=CLOCK,
        now=CLOCK,
        entropy=ENTROPY,
        kem=KEM,
    )
    assert (after.counted, after.unconfirmed, after.visits) == (0, 0, ())
    assert (after.disturbed, after.occupied) == (True, False)
    assert at.run not in next(one for one in after.offers if one.nonce == at.laid.nonce).open_runs
