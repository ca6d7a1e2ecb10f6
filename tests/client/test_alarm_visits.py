"""The alarm word: what the other side sees of it, and that nobody else can tell it from the answer.

Everybody here follows one timetable; what differs between two meetings is the word that was typed.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState, Role, with_point
from ojak_client.taking_back import take_back
from ojak_protocol import meeting_point as point_
from tests.client.onlooker import Onlooker
from tests.client.persons import Clock, Person, guest_of, host_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, DAY, RIGHT, WRONG

MEETINGS = 400
ROUNDS = 5
OF_EACH = MEETINGS // 4
"""With either word, and with a guest on either sort of device."""
TOO_UNEVEN = 35
"""Of 100 throws of a coin the number of heads is this far from 50 once in 10^11 times."""


class Meeting(NamedTuple):
    host: Person
    guest: Person
    relay: SimulatedRelay
    read: list[str]
    """What the guest was shown, in order."""
    onlooker: Onlooker


@dataclass(frozen=True)
class Seen:
    """What somebody at the relay can write down of one meeting, the random bytes apart."""

    requests: tuple[object, ...]
    matched: int
    """Which of the two branches the guest went on with."""
    outcome: object
    """What the guest's device shows and keeps."""


def meeting(
    typed: bytes, *, keeps: bool = False, letters: int = 2, harmless: int = 3, alarm: bool = True
) -> Meeting:
    """A host with letters of both sorts, and a guest who brings one."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock, alarm=ALARM if alarm else None)
    for number in range(letters):
        host.write(f"echt {number}")
        host.write(f"echt, nach der Antwort {number}", at_once=False)
    for number in range(harmless):
        host.write(f"harmlos {number}", role=Role.COUNTERPART)
    guest = guest_of(relay, clock, typed=typed, keeps=keeps)
    guest.write("von drinnen")
    read: list[str] = []
    onlooker = Onlooker(relay)
    for _ in range(ROUNDS):
        host.sync()
        onlooker.look_at(host)
        guest.sync()
        read += guest.texts
        guest.change(lambda contact: replace(contact, theirs=()))
        clock.now += 5
    return Meeting(host, guest, relay, read, onlooker)


def seen(one: Meeting) -> Seen:
    """Write down what the relay saw, and what the guest's device shows."""
    (matched,) = one.onlooker.matched
    contact = one.guest.contact
    outcome = (
        [(notice.kind, notice.count) for notice in one.guest.told],
        len(one.read),
        [letter.state for letter in contact.ours],
        len(contact.lines),
        contact.visiting is None,
    )
    return Seen(one.onlooker.requests, matched, str(outcome))


@pytest.mark.parametrize("keeps", [False, True])
def test_b5_real_and_alarm_visits_are_alike_for_whoever_looks_on(keeps: bool) -> None:  # noqa: FBT001 - parametrized
    """As many letters, harmless or not, of the same form, in the same requests, at the same time.

    The relay's own view is compared: it sees most. In half of the meetings either branch matches,
    whichever word was typed.
    """
    views: dict[bytes, Counter[str]] = {}
    coins: dict[bytes, int] = {}
    for typed in (RIGHT, ALARM):
        made = [seen(meeting(typed, keeps=keeps)) for _ in range(OF_EACH)]
        views[typed] = Counter(f"{one.requests} {one.outcome}" for one in made)
        coins[typed] = sum(one.matched for one in made)
    assert set(views[RIGHT]) == set(views[ALARM])
    assert len(views[RIGHT]) == 1
    for heads in coins.values():
        assert abs(heads - OF_EACH // 2) < TOO_UNEVEN


def test_whoever_types_the_alarm_word_is_shown_harmless_letters_only() -> None:
    host, _guest, _, read, _ = meeting(ALARM)
    assert read == ["harmlos 0", "harmlos 1", "harmlos 2"]
    assert NoticeKind.GUEST_CONFIRMED_ALARM in host.kinds()
    assert len(host.contact.waiting) == 4
    assert host.texts == ["von drinnen"]
    assert host.contact.theirs[0].forced


def test_whoever_types_the_answers_is_shown_as_many_real_letters() -> None:
    host, _guest, _, read, _ = meeting(RIGHT)
    assert sorted(read) == ["echt 0", "echt 1", "echt, nach der Antwort 0"]
    assert len(host.contact.waiting_as(Role.COUNTERPART)) == 3
    assert not host.contact.theirs[0].forced


def test_a_counterpart_once_shown_is_used_up_and_its_letter_stays_waiting() -> None:
    host, _, relay, _, _ = meeting(ALARM, letters=1, harmless=1)
    used = [one.state for one in host.contact.ours if one.role is Role.COUNTERPART]
    assert used == [LetterState.READ]
    assert len(host.contact.waiting) == 2
    again = guest_of(relay, host.clock, typed=RIGHT, keeps=True)
    for _ in range(ROUNDS):
        host.sync()
        again.sync()
    assert again.texts == []
    assert len(host.contact.waiting) == 2


def test_without_an_unused_harmless_letter_nobody_is_offered_anything() -> None:
    for typed in (RIGHT, ALARM):
        host, guest, _, read, _ = meeting(typed, harmless=0)
        assert read == []
        assert len(host.contact.waiting) == 4
        assert len(guest.contact.lines) == 1


def test_without_an_alarm_word_no_letter_needs_another_beside_it() -> None:
    assert len(meeting(RIGHT, harmless=0, alarm=False).read) == 4
    assert meeting(ALARM, harmless=3, alarm=False).read == []


def test_only_what_is_addressed_to_them_goes_to_whoever_was_forced() -> None:
    host, guest, _, _read, _ = meeting(ALARM, keeps=True)
    host.write("an die Familie")
    host.write("an sie", role=Role.FORCED)
    host.clock.now += 86_400
    for _ in range(3):
        guest.write("weiter")
        guest.sync()
        host.sync()
    guest.sync()
    assert guest.texts == ["an sie"]


def test_what_is_addressed_to_them_goes_to_nobody_else() -> None:
    host, guest, _, _read, _ = meeting(RIGHT, keeps=True)
    host.write("an sie", role=Role.FORCED)
    for _ in range(3):
        guest.write("weiter")
        guest.sync()
        host.sync()
    guest.sync()
    assert "an sie" not in guest.texts


def test_letters_without_a_harmless_one_follow_a_day_after_a_meeting_on_an_own_device() -> None:
    host, guest, _, read, _ = meeting(RIGHT, keeps=True)
    assert len(read) == 3
    host.write("neu")
    host.sync()
    guest.sync()
    assert guest.texts == ["neu"]
    host.clock.now += 86_400
    host.sync()
    guest.sync()
    assert guest.texts == ["neu", "echt, nach der Antwort 1"]


def test_a_wrong_answer_is_offered_as_much_and_shown_nothing() -> None:
    host, _guest, _, read, _ = meeting(WRONG)
    assert read == []
    visit = host.contact.sets[0].point.visits[0]
    assert [len(branch.outbox) for branch in visit.branches] == [2, 2]


@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_b5_until_when_a_letter_may_be_read_tells_nobody_which_word_was_typed(
    typed: bytes, relay: SimulatedRelay, clock: Clock
) -> None:
    """Each box says it to the guest's program, which may be that of whoever forces the guest."""
    host = host_of(relay, clock, alarm=ALARM)
    first = host.write("gleich")
    clock.now += 1000
    second = host.write("nach der Antwort", at_once=False)
    clock.now += 7200
    for number in range(3):
        host.write(f"harmlos {number}", role=Role.COUNTERPART)
    times = {one.reference: one.expires_at for one in host.contact.ours}
    guest = guest_of(relay, clock, typed=typed, keeps=False)
    guest.write("von drinnen")
    said: list[int] = []
    for _ in range(ROUNDS):
        host.sync()
        for line in host.contact.lines:
            said += [one.expires_at for one in line.conversation.outbox if one.expires_at]
        for visit in host.contact.sets[0].point.visits:
            said += [one.expires_at for side in visit.branches for one in side.outbox]
        guest.sync()
        clock.now += 60
    assert set(said) == {times[first], times[second]}


@pytest.mark.parametrize("removed", ["before the answer is taken", "before it is confirmed"])
@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_b5_an_alarm_word_removed_during_a_visit_tells_nobody_which_word_was_typed(
    typed: bytes, removed: str, relay: SimulatedRelay, clock: Clock
) -> None:
    """A relay can hide the next offer for as long as it shows this one."""
    host = host_of(relay, clock, alarm=ALARM)
    for number in range(4):
        host.write(f"echt {number}", at_once=not number)
    for number in range(2):
        host.write(f"harmlos {number}", role=Role.COUNTERPART)
    guest = guest_of(relay, clock, typed=typed, keeps=False)
    guest.write("von drinnen")
    for person in (host, guest):
        person.sync()

    def remove() -> None:
        host.change(
            lambda now: with_point(now, point_.change_alarm(now.sets[0].point, None, day=DAY))
        )

    if removed == "before the answer is taken":
        remove()
    host.sync()
    if removed == "before it is confirmed":
        remove()
    for _ in range(ROUNDS):
        guest.sync()
        host.sync()
    assert [one.count for one in guest.told if one.kind is NoticeKind.HOST_CONFIRMED] == [1]
    assert len(guest.texts) == 2


def test_of_a_letter_that_stood_beside_a_harmless_one_nobody_says_that_it_was_never_offered() -> (
    None
):
    """Whoever was made to type both words may have read it, and confirmed with the alarm word."""
    host, _guest, _, _, _ = meeting(ALARM)
    offered, later = (
        next(one.reference for one in host.contact.ours if one.text == text)
        for text in ("echt 0", "echt, nach der Antwort 0")
    )
    for reference in (offered, later):
        host.change(partial(take_back, reference=reference))
    states = {one.reference: one.state for one in host.contact.ours}
    assert states[offered] is LetterState.ASKED_BACK
    assert states[later] is LetterState.TAKEN_BACK


@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_b5_a_letter_from_a_borrowed_device_is_answered_at_once_whichever_word_was_typed(
    typed: bytes,
) -> None:
    """As the outcome of a question is, which there is after the right answers only."""
    host, guest, relay, _, _ = meeting(typed)
    for _ in range(2):
        guest.write("noch etwas")
        guest.sync()
        before = len(relay.arrived)
        for _ in range(2):
            host.sync()
        assert sum(len(made.deposits) for made in relay.arrived[before:]) == 1
        guest.sync()
    assert NoticeKind.LETTER_COLLECTED in guest.kinds()


def test_without_an_alarm_word_a_borrowed_device_is_owed_no_answer() -> None:
    host, guest, relay, _, _ = meeting(RIGHT, alarm=False)
    guest.write("noch etwas")
    guest.sync()
    before = len(relay.arrived)
    for _ in range(2):
        host.sync()
    assert not any(made.deposits for made in relay.arrived[before:])
