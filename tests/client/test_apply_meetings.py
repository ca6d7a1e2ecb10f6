"""What a reply means for meetings: who is confirmed, who is told what, what is counted."""

from dataclasses import replace

import pytest

from ojak_client.apply import (
    ALWAYS,
    apply,
)
from ojak_client.notices import NoticeKind
from ojak_client.pairing import MOST_OFFERED
from ojak_client.profile import (
    Contact,
    Profile,
    QuestionSet,
    Visiting,
    with_contact,
)
from ojak_protocol.addresses import MailboxId
from ojak_protocol.guest import offer_places
from ojak_protocol.meeting_messages import SUITE, VERSION
from ojak_protocol.meeting_places import seal_at
from ojak_protocol.sync import (
    Found,
)
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    moment,
)
from tests.client.replies import asked, reply
from tests.client.simulated_relay import SimulatedRelay
from tests.people import (
    ALARM,
    CLOCK,
    ENTROPY,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    come,
    look,
    new_point,
    receipt,
    take,
)


def meeting(relay: SimulatedRelay, clock: Clock, typed: bytes = RIGHT) -> tuple[Person, Person]:
    return host_of(relay, clock), guest_of(relay, clock, typed=typed)


def test_a_meeting_confirms_both_and_says_how_many_letters_are_to_come(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = meeting(relay, clock)
    for number in range(MOST_OFFERED + 3):
        host.write(f"{number}")
    for person in (host, guest, host, guest, host, guest):
        person.sync()
    confirmed = [one for one in guest.told if one.kind is NoticeKind.HOST_CONFIRMED]
    assert [notice.count for notice in confirmed] == [3]
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()
    assert guest.texts == [f"{number}" for number in range(MOST_OFFERED + 3)]
    assert (host.contact.lines[0].kept, guest.contact.lines[0].looks_until) == (True, ALWAYS)


def test_letters_that_wait_for_the_reply_are_announced_and_not_offered(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = meeting(relay, clock)
    host.write("nach der Antwort", at_once=False)
    for person in (host, guest, host, guest):
        person.sync()
    assert guest.texts == []
    assert [one.count for one in guest.told if one.kind is NoticeKind.HOST_CONFIRMED] == [1]
    host.sync()
    guest.sync()
    assert guest.texts == ["nach der Antwort"]


def test_a_guest_on_a_borrowed_device_is_known_as_one(relay: SimulatedRelay, clock: Clock) -> None:
    host = host_of(relay, clock)
    guest = guest_of(relay, clock, keeps=False)
    for person in (host, guest, host, guest, host):
        person.sync()
    assert [line.kept for line in host.contact.lines] == [False]
    guest.write("편지")
    guest.sync()
    host.sync()
    # Nobody will look for a receipt: none is owed.
    assert host.contact.lines[0].receipt_due_at == 0


def test_wrong_answers_are_told_to_the_host_and_confirm_nobody(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = meeting(relay, clock, WRONG)
    host.write("편지")
    for _ in range(3):
        host.sync()
        guest.sync()
    assert guest.texts == []
    assert guest.contact.lines == ()
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.seen
    assert guest.kinds().count(NoticeKind.ANSWER_SEEN) == 1
    assert NoticeKind.GUEST_CAME in host.kinds()


def test_the_alarm_word_is_shown_to_the_host_alone(relay: SimulatedRelay, clock: Clock) -> None:
    host = host_of(relay, clock, alarm=ALARM)
    guest = guest_of(relay, clock, typed=ALARM)
    host.write("echter Brief")
    for _ in range(4):
        host.sync()
        guest.sync()
    assert NoticeKind.GUEST_CONFIRMED_ALARM in host.kinds()
    assert NoticeKind.HOST_CONFIRMED in guest.kinds()
    assert guest.texts == []
    assert [letter.text for letter in host.contact.waiting] == ["echter Brief"]


def test_five_wrong_answers_close_the_point_and_twenty_end_the_set(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.sync()
    for _ in range(20):
        guest = guest_of(relay, clock, typed=WRONG)
        guest.sync()
        host.sync()
        if len(host.contact.sets[0].point.visits) % 12 == 0:
            clock.now += 86_400
        host.sync()
    kinds = host.kinds()
    assert kinds.count(NoticeKind.POINT_CLOSED) == 1
    assert kinds.count(NoticeKind.SET_DEAD) == 1


def test_somebody_elses_offer_at_our_place_is_told_once(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host_of(relay, clock).sync()
    host = host_of(relay, clock)
    host.sync()
    host.sync()
    assert host.kinds().count(NoticeKind.NUMBER_OCCUPIED) == 1


def test_a_guest_that_finds_every_run_taken_is_told_and_answers_that_offer_no_more(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = meeting(relay, clock)
    host.sync()
    with relay.occupied():
        for _ in range(3):
            guest.sync()
    visiting = guest.contact.visiting
    assert visiting is not None
    # Today's and tomorrow's: the next offer that lies there is taken, and each is told once.
    assert (visiting.attempt, len(set(visiting.full)), len(visiting.full)) == (None, 2, 2)
    assert guest.kinds().count(NoticeKind.NO_RUN_FREE) == 2
    before = len(relay.arrived)
    guest.sync()
    assert not any(made.deposits for made in relay.arrived[before:])


def test_an_offer_of_a_later_version_is_told_and_not_answered() -> None:
    visiting = Visiting(SEED, RIGHT, 1, 60, keeps=False)
    contact = Contact(NAME, RELAY, visiting=visiting)
    profile, request = asked(with_contact(Profile(), contact))
    place = offer_places(SEED, 1, CLOCK // 86_400)[2]
    for message, kinds in (
        (b"\xff" * 900, [NoticeKind.TOO_NEW]),
        (bytes([VERSION, SUITE]) + bytes(899), []),
    ):
        box = seal_at(SEED, place, message, entropy=ENTROPY)
        after, notices = apply(
            profile, RELAY, request, reply(request, boxes={place: box}), moment()
        )
        assert [notice.kind for notice in notices] == kinds
        assert after == profile


def test_a_box_at_a_filler_or_of_yesterdays_day_means_nothing() -> None:
    visiting = Visiting(SEED, RIGHT, 1, 60, keeps=False)
    contact = Contact(NAME, RELAY, visiting=visiting)
    profile, request = asked(with_contact(Profile(), contact))
    boxes = {place: bytes(4000) for place in request.polls[:16]}
    assert apply(profile, RELAY, request, reply(request, boxes=boxes), moment()) == (profile, ())
    later = moment(CLOCK + 30 * 86_400)
    assert apply(profile, RELAY, request, reply(request, boxes=boxes), later) == (profile, ())


@pytest.mark.parametrize("again", range(6))
def test_two_words_confirmed_in_one_reply_are_an_alarm(again: int) -> None:
    # The coins fall anew each time, and with them the order in which the places are asked for.
    del again
    point = new_point(alarm=ALARM)
    boxes: dict[bytes, bytes] = {}
    branches = []
    for typed in (RIGHT, ALARM):
        attempt = come(point, typed)
        point, visit = take(point, attempt)
        found = look(attempt, boxes_of(*visit.branches))
        assert found is not None
        boxes |= boxes_of(receipt(found[0]))
        branches.append(visit.branches[visit.coin if typed == RIGHT else 1 - visit.coin])
    right, alarm = branches
    visit = replace(visit, branches=(right, alarm) if visit.coin == 0 else (alarm, right))
    contact = Contact(NAME, RELAY, sets=(QuestionSet(replace(point, visits=(visit,)), ()),))
    profile, request = asked(with_contact(Profile(), contact))
    answer = reply(request, boxes={MailboxId(place): box for place, box in boxes.items()})
    assert sum(isinstance(result, Found) for result in answer.polls) == 2
    _, notices = apply(profile, RELAY, request, answer, moment())
    assert NoticeKind.GUEST_CONFIRMED_ALARM in {notice.kind for notice in notices}
