"""What was promised to a visit is kept with either word, whatever became of the letters since."""

from collections.abc import Callable
from functools import partial

import pytest

from ojak_client.profile import Contact, LetterState, Role
from ojak_client.question_sets import allow_held, held_lines
from ojak_client.taking_back import take_back
from ojak_protocol.acknowledgement import MOST_UNACKNOWLEDGED
from ojak_protocol.conversation import PLACES_FOR_RECEIPTS
from tests.client.persons import Person
from tests.client.village import Village, told_of_each
from tests.people import ALARM, RIGHT

GREETING = 1
"""Box that the host sends beside what was promised."""
MOST_LETTERS = MOST_UNACKNOWLEDGED - PLACES_FOR_RECEIPTS
"""In one conversation at a time."""


# Two visits at once share letters, harmless ones too: what one has read is gone for the other.


@pytest.mark.parametrize("first", [RIGHT, ALARM])
def test_b5_the_later_of_two_visits_at_once_tells_nobody_which_word_was_typed(first: bytes) -> None:
    def second_of_two(typed: bytes) -> Village:
        village = Village(letters=4, harmless=3)
        early, late = village.comes(first), village.comes(typed)
        village.syncs(village.host, early, late)
        village.meets(early)
        village.reads(early)
        village.meets(late)
        village.reads(late)
        return village

    told = told_of_each(second_of_two)
    promised = 3
    assert told.boxes == (GREETING + promised, GREETING + promised)


def test_a_real_letter_that_nothing_harmless_can_stand_for_any_more_goes_on_waiting() -> None:
    village = Village(letters=2, harmless=2)
    early, late = village.comes(ALARM), village.comes(RIGHT)
    village.syncs(village.host, early, late)
    village.meets(early)
    village.reads(early)
    village.meets(late)
    village.reads(late)
    assert village.shown == [["harmlos 0", "harmlos 1"], []]
    assert [one.state for one in village.letters()] == [LetterState.WAITING] * 2


# Between the confirmation and the sync in which what was promised follows.


def passes_its_time(village: Village) -> None:
    village.clock.now = village.letters()[0].expires_at


def is_asked_back(village: Village, role: Role = Role.FAMILY) -> None:
    village.host.change(partial(take_back, reference=village.letters(role)[0].reference))


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize(
    "happens", [passes_its_time, is_asked_back, partial(is_asked_back, role=Role.COUNTERPART)]
)
@pytest.mark.parametrize("spare", [0, 1])
def test_b5_a_letter_that_is_gone_before_it_was_sealed_tells_nobody_which_word_was_typed(
    happens: Callable[[Village], None],
    keeps: bool,  # noqa: FBT001 - parametrized
    spare: int,
) -> None:
    def gone(typed: bytes) -> Village:
        village = Village(letters=2 + spare, harmless=2)
        guest = village.comes(typed, keeps=keeps)
        village.meets(guest)
        happens(village)
        village.reads(guest)
        return village

    told = told_of_each(gone)
    promised = 2
    assert told.boxes[0] >= GREETING + promised


@pytest.mark.parametrize("at_once", [0, 2])
def test_b5_a_letter_asked_back_after_it_was_sealed_tells_nobody_which_word_was_typed(
    at_once: int,
) -> None:
    """The harmless one in its place is taken back with it, and can stand for another."""

    def asked_back(typed: bytes) -> Village:
        village = Village(letters=3, harmless=3, at_once=at_once)
        guest = village.comes(typed)
        village.meets(guest)
        village.syncs(village.host)
        for letter in village.letters():
            village.host.change(partial(take_back, reference=letter.reference))
        village.syncs(village.host, guest)
        guest.write("gelesen")
        village.syncs(guest, village.host, guest)
        return village

    told_of_each(asked_back)


def test_b5_each_harmless_letter_says_the_end_of_the_one_it_stands_for() -> None:
    """Of three that may go at once the third follows the confirmation: no more are offered."""

    def three_at_once(typed: bytes) -> Village:
        village = Village(letters=4, harmless=4, at_once=3)
        guest = village.comes(typed)
        village.meets(guest)
        village.reads(guest)
        return village

    ends = [one.expires_at for one in Village(letters=4, harmless=4, at_once=3).letters()]
    assert set(ends[2:]) <= set(told_of_each(three_at_once).until)


# What waits for room waits, and nothing goes in its place.


def sealed_last(village: Village) -> int:
    return len(village.host.contact.lines[-1].conversation.outbox)


@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_b5_what_waits_for_room_goes_later_with_either_word(typed: bytes) -> None:
    """Where a guest looks among so many places is drawn, so that no requests are compared."""
    most = MOST_LETTERS + 2
    village = Village(letters=most, harmless=most)
    guest = village.comes(typed)
    village.meets(guest)
    village.syncs(village.host)
    assert sealed_last(village) == MOST_LETTERS
    for _ in range(5):
        village.reads(guest)
    assert village.told.shown == (most,)


def test_what_stands_in_the_place_of_letters_takes_their_room_and_no_place_of_a_receipt() -> None:
    most = MOST_LETTERS + 2
    village = Village(letters=most, harmless=most)
    early, late = village.comes(ALARM), village.comes(ALARM)
    village.syncs(village.host, early, late)
    village.meets(early)
    for _ in range(5):
        village.reads(early)
    village.meets(late)
    village.syncs(village.host)
    assert sealed_last(village) == MOST_LETTERS
    for _ in range(5):
        village.reads(late)
    assert village.told.shown == (most, 0)
    assert village.host.contact.lines[-1].promised == 0


# Answers that were spent: nothing goes before a yes.


def says_yes(host: Person, contact: Contact) -> Contact:
    now = host.clock.now
    newest = host.store.read().references
    held = held_lines(contact, relay_clock=now)[0]
    return allow_held(contact, held, relay_clock=now, newest=newest)[0]


@pytest.mark.parametrize(("letters", "harmless"), [(3, 2), (2, 3), (3, 3)])
def test_b5_what_a_yes_releases_tells_nobody_which_word_was_typed(
    letters: int, harmless: int
) -> None:
    """Letters were offered before another visit spent the answers; a yes gives the others."""

    def held(typed: bytes) -> Village:
        village = Village(letters=letters, harmless=harmless, at_once=1)
        early, late = village.comes(RIGHT, keeps=False), village.comes(typed, keeps=False)
        village.syncs(village.host, early, late)
        village.meets(early)
        village.meets(late)
        assert village.host.contact.lines[-1].held
        village.host.change(partial(says_yes, village.host))
        village.reads(late)
        return village

    told_of_each(held)
