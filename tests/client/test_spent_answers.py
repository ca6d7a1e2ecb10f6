"""Sets of questions: spent answers give no letters by themselves, and the next set takes over."""

from dataclasses import replace

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.old_lines import KEPT_LINES, KEPT_VISITS
from ojak_client.pairing import going_into
from ojak_client.profile import Contact, LetterState, QuestionSet, Role, Visiting
from ojak_client.question_sets import (
    MOST_SETS,
    add_set,
    allow_held,
    find_set,
    held_lines,
    next_set_number,
    with_new_number,
)
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from tests.client.persons import NAME, RELAY, Clock, Person, guest_of, host_of, line_of, new_person
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.client.timed import TEXT, writes
from tests.people import ALARM, CLOCK, RIGHT, SEED, meet, new_point, said

SECOND = b"2" * 32
QUESTIONS = ("하나?", "둘?", "셋?")


def second_set() -> QuestionSet:
    return QuestionSet(MeetingPoint(Number("0" * 12), SEED, 2, SECOND, None, bits=30), QUESTIONS)


def borrowed(relay: SimulatedRelay, clock: Clock, typed: bytes = RIGHT) -> Person:
    return guest_of(relay, clock, typed=typed, keeps=False)


def visit(host: Person, guest: Person, rounds: int = 4) -> None:
    for _ in range(rounds):
        host.sync()
        guest.sync()


def allowed(contact: Contact, now: int) -> Contact:
    """The contact after its person said yes to whoever came last."""
    newest = held_lines(contact, relay_clock=now)[0]
    return allow_held(contact, newest, relay_clock=now, newest=1)[0]


def test_b1_a_spent_set_is_marked_and_gets_no_waiting_letter_without_the_hosts_yes(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    family = borrowed(relay, clock)
    visit(host, family)
    assert host.contact.sets[0].point.spent
    assert NoticeKind.NEW_QUESTIONS_NEEDED in host.kinds()

    host.write("nach dem ersten Besuch")
    clock.now += 7200
    stranger = borrowed(relay, clock)
    host.told.clear()
    visit(host, stranger)
    assert NoticeKind.ANSWERS_WERE_SPENT in host.kinds()
    assert NoticeKind.HOST_CONFIRMED in stranger.kinds()
    assert stranger.texts == []
    assert [letter.text for letter in host.contact.waiting] == ["nach dem ersten Besuch"]

    host.change(lambda contact: allowed(contact, clock.now))
    visit(host, stranger)
    assert stranger.texts == ["nach dem ersten Besuch"]


def test_a_visit_on_an_own_device_spends_nothing(relay: SimulatedRelay, clock: Clock) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    visit(host, guest)
    assert not host.contact.sets[0].point.spent
    assert NoticeKind.NEW_QUESTIONS_NEEDED not in host.kinds()


def test_answers_spent_while_a_visit_waits_to_be_confirmed_hold_its_letters(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.write("erst nach der Antwort", at_once=False)
    early, late = borrowed(relay, clock), borrowed(relay, clock)
    host.sync()
    for guest in (late, early):
        guest.sync()
        host.sync()
    # Both were taken while nobody had typed anything on a borrowed device yet.
    visit(host, early)
    assert early.texts == ["erst nach der Antwort"]
    visit(host, late)
    assert NoticeKind.ANSWERS_WERE_SPENT in host.kinds()
    assert late.texts == []


def test_the_next_set_is_told_inside_the_channel_and_opens_everything(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.change(lambda contact: add_set(contact, second_set()) or contact)
    family = borrowed(relay, clock)
    visit(host, family)
    present = host.contact.present_set
    assert present is not None
    assert present.point.set_number == 2
    assert NoticeKind.NEW_QUESTIONS_NEEDED not in host.kinds()

    host.write("Brief")
    clock.now += 7200
    visiting = Visiting(SEED, SECOND, 2, look_seconds=3600, keeps=False)
    again = new_person(relay, Contact(NAME, RELAY, visiting=visiting), clock)
    visit(host, again)
    assert again.texts == ["Brief"]


def test_answers_of_one_set_open_no_other(relay: SimulatedRelay, clock: Clock) -> None:
    host = host_of(relay, clock)
    host.change(lambda contact: add_set(contact, second_set()) or contact)
    host.write("Brief")
    visiting = Visiting(SEED, RIGHT, 2, look_seconds=3600, keeps=False)
    guest = new_person(relay, Contact(NAME, RELAY, visiting=visiting), clock)
    visit(host, guest)
    assert guest.texts == []
    assert [one.point.unconfirmed for one in host.contact.sets] == [0, 1]


def test_guesses_at_one_set_close_no_other(relay: SimulatedRelay, clock: Clock) -> None:
    host = host_of(relay, clock)
    host.change(lambda contact: add_set(contact, second_set()) or contact)
    for _ in range(5):
        visit(host, guest_of(relay, clock, typed=b"w" * 32), rounds=2)
    assert [one.point.closed for one in host.contact.sets] == [True, False]


def test_the_present_set_is_the_first_that_nobody_has_seen() -> None:
    point = new_point()
    spent = QuestionSet(replace(point, spent=True), ())
    dead = QuestionSet(replace(point, set_number=2, unconfirmed=20), ())
    fresh = QuestionSet(replace(point, set_number=3), ())
    assert Contact(NAME, RELAY).present_set is None
    assert Contact(NAME, RELAY, sets=(spent, dead, fresh)).present_set is fresh
    assert Contact(NAME, RELAY, sets=(spent, dead)).present_set is dead


def test_a_further_set_takes_the_place_of_one_that_is_spent_and_of_no_other() -> None:
    point = new_point()
    sets = tuple(QuestionSet(replace(point, set_number=n), ()) for n in range(1, MOST_SETS + 1))
    contact = Contact(NAME, RELAY, sets=sets)
    added = QuestionSet(replace(point, set_number=9), ())
    assert next_set_number(contact) == MOST_SETS + 1
    assert add_set(contact, added) is None
    spent = replace(sets[1], point=replace(sets[1].point, spent=True))
    more = add_set(replace(contact, sets=(sets[0], spent, *sets[2:])), added)
    assert more is not None
    assert [one.point.set_number for one in more.sets] == [1, 3, 4, 9]
    assert find_set(more, 2) is None
    assert find_set(more, 9) is added
    assert find_set(more, None) is sets[0]


@pytest.mark.parametrize(
    ("kept", "later", "looking"), [(True, 99, True), (False, 0, True), (False, 9, False)]
)
def test_a_yes_says_whether_somebody_still_looks(kept: bool, later: int, looking: bool) -> None:  # noqa: FBT001 - parametrized
    line = line_of(meet().host, kept=kept, held=True, looks_until=CLOCK + 5)
    contact = Contact(NAME, RELAY, lines=(line,), ours=(our(),))
    released, looks = allow_held(contact, line, relay_clock=CLOCK + later, newest=7)
    assert looks is looking
    after = released.lines[0]
    assert (after.held, after.newest, after.promised) == (False, 7, None)


def test_a_yes_promises_only_letters_with_a_harmless_one_beside_them() -> None:
    line = line_of(meet().host, held=True)
    ours = (our(1), our(2), our(3, role=Role.COUNTERPART))
    point = new_point(alarm=ALARM)
    contact = Contact(NAME, RELAY, lines=(line,), ours=ours, sets=(QuestionSet(point, ()),))
    assert allow_held(contact, line, relay_clock=CLOCK, newest=3)[0].lines[0].promised == 1


def test_a_yes_writes_no_letter_twice_that_was_offered_before_there_was_an_alarm_word() -> None:
    line = line_of(said(meet().host, "angeboten", reference=1), held=True)
    ours = (our(1), our(2), *(our(n, role=Role.COUNTERPART) for n in (3, 4)))
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    contact = Contact(NAME, RELAY, lines=(line,), ours=ours, sets=sets)
    (released,) = allow_held(contact, line, relay_clock=CLOCK, newest=4)[0].lines
    assert [going.reference for going in going_into(contact, released, CLOCK)] == [2]


def test_with_a_new_number_what_was_offered_at_the_old_one_counts_as_possibly_read(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    offered = host.write("angeboten")
    kept = host.write("zurückgehalten", at_once=False)
    visit(host, guest_of(relay, clock, typed=b"w" * 32), rounds=2)
    moved = with_new_number(host.contact, second_set())
    assert [one.point.set_number for one in moved.sets] == [2]
    marks = {letter.reference: letter.possibly_read for letter in moved.ours}
    assert marks == {offered: True, kept: False}
    assert all(letter.state is LetterState.WAITING for letter in moved.ours)


def own_visit(host: Person, relay: SimulatedRelay, clock: Clock) -> Person:
    guest = guest_of(relay, clock)
    guest.write("von drinnen")
    visit(host, guest)
    clock.now += 60
    return guest


def test_whoever_comes_with_spent_answers_cuts_no_conversation_with_the_family(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """However often he comes on a device of his own; without the yes, nothing goes to him."""
    host = host_of(relay, clock)
    family = own_visit(host, relay, clock)
    visit(host, borrowed(relay, clock))
    assert host.contact.sets[0].point.spent
    strangers = [own_visit(host, relay, clock) for _ in range(KEPT_LINES + 1)]
    assert [line.held for line in host.contact.lines if line.kept] == [False] + [True] * KEPT_LINES

    host.write("an die Familie")
    family.write("von der Familie")
    visit(host, family)
    assert family.texts == ["an die Familie"]
    assert host.texts[-1] == "von der Familie"
    visit(host, strangers[-1])
    assert all(stranger.texts == [] for stranger in strangers)


@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_whoever_is_held_does_not_learn_which_word_another_one_was_made_to_type(
    relay: SimulatedRelay, clock: Clock, *, typed: bytes
) -> None:
    """B1: he would see which of his own conversations is looked at no more."""
    host = host_of(relay, clock, alarm=ALARM)
    forced = [line_of(meet().host, alarm=typed == ALARM) for _ in range(KEPT_LINES)]
    held = [line_of(meet().host, held=True) for _ in range(KEPT_LINES)]
    host.change(lambda contact: replace(contact, lines=(*held, *forced)))
    host.sync()
    assert [one.number for one in host.contact.lines if one.held] == [one.number for one in held]
    assert sum(not one.held for one in host.contact.lines) == KEPT_LINES


def test_b1_who_comes_again_and_again_with_spent_answers_does_not_fill_the_vault(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    family = borrowed(relay, clock)
    visit(host, family)
    for _ in range(KEPT_VISITS + 1):
        visit(host, borrowed(relay, clock), rounds=2)
        clock.now += 60
    held = [line.held for line in host.contact.lines]
    assert held == [False] + [True] * KEPT_VISITS
    host.write("an die Familie")
    visit(host, family)
    assert family.texts == ["an die Familie"]


def test_a_yes_to_one_visit_gives_nothing_to_another_with_the_same_answers(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    visit(host, borrowed(relay, clock))
    stranger = own_visit(host, relay, clock)
    family = borrowed(relay, clock)
    visit(host, family)
    host.write("an die Familie")
    host.change(lambda contact: allowed(contact, clock.now))
    for guest in (stranger, family):
        visit(host, guest)
    assert (family.texts, stranger.texts) == (["an die Familie"], [])


def both_in_one_look(relay: SimulatedRelay, clock: Clock) -> tuple[Person, dict[str, Person]]:
    """A host with two held visits of one second, whose guests say that they look equally long."""
    host = host_of(relay, clock)
    visit(host, borrowed(relay, clock))
    clock.now += 7200
    host.sync()
    guests = {words: borrowed(relay, clock) for words in ("family", "stranger")}
    for words, guest in guests.items():
        guest.write(words)
    for _ in range(2):
        for guest in guests.values():
            guest.sync()
        clock.now += 60
        host.sync()
    held = held_lines(host.contact, relay_clock=clock.now)
    assert len(held) == len(guests)
    assert len({(line.confirmed_at, line.looks_until, line.kept) for line in held}) == 1
    return host, guests


@pytest.mark.parametrize("meant", [0, 1])
def test_b1_a_yes_goes_to_the_visit_that_was_asked_about_however_alike_another_is(
    meant: int, relay: SimulatedRelay, clock: Clock
) -> None:
    host, guests = both_in_one_look(relay, clock)
    which = held_lines(host.contact, relay_clock=clock.now)[meant]
    (words,) = (one.text for one in host.contact.theirs if one.written[0] == which.number)
    assert which.brought == 1
    host.write("an die Familie")
    host.change(lambda now: allow_held(now, which, relay_clock=clock.now, newest=1)[0])
    for _ in range(3):
        host.sync()
        for guest in guests.values():
            guest.sync()
    got = {name: guest.texts for name, guest in guests.items()}
    assert got == {name: ["an die Familie"] if name == words else [] for name in guests}


def test_b1_what_comes_with_answers_that_were_seen_is_marked_until_the_yes(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """docs/threat-model.md: confirmed, marked as somebody with answers that a stranger may have
    seen."""
    host, guests = both_in_one_look(relay, clock)
    chosen, other = held_lines(host.contact, relay_clock=clock.now)
    host.change(lambda now: allow_held(now, chosen, relay_clock=clock.now, newest=1)[0])
    host.write("an die Familie")
    for _ in range(3):
        host.sync()
        for guest in guests.values():
            guest.sync()
    for guest in guests.values():
        guest.write("later")
        writes(guest, after=60)
        guest.sync()
    host.sync()
    clock.now += 120
    for _ in range(2):
        host.sync()
    came = [(one.written[0], one.text, one.held) for one in host.contact.theirs]
    for line, held in ((chosen, False), (other, True)):
        (first, *rest) = [(text, mark) for number, text, mark in came if number == line.number]
        assert first[0] in guests
        assert first[1], "it came before the yes"
        assert sorted(rest) == sorted([("later", held), (TEXT, held)])


def test_no_two_lines_of_a_profile_ever_have_one_number(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _ = both_in_one_look(relay, clock)
    numbers = [line.number for line in host.contact.lines]
    assert numbers == [1, 2, 3]
    # What was forgotten gives its number to nobody.
    clock.now += 2 * 86_400
    visit(host, borrowed(relay, clock))
    assert [line.number for line in host.contact.lines] == [4]


def test_the_visit_at_which_somebody_still_looks_is_asked_about_first(clock: Clock) -> None:
    looks = line_of(meet().host, kept=False, held=True, looks_until=clock.now)
    gone = line_of(meet().host, kept=False, held=True, looks_until=clock.now - 1)
    free = line_of(meet().host)
    contact = Contact(NAME, RELAY, lines=(looks, gone, free))
    assert held_lines(contact, relay_clock=clock.now) == (looks, gone)
    after, looking = allow_held(contact, looks, relay_clock=clock.now, newest=0)
    assert looking
    assert [line.held for line in after.lines] == [True, False, False]
    again, looking = allow_held(after, looks, relay_clock=clock.now, newest=0)
    assert (again, looking) == (after, False)
