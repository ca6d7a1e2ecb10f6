"""Taking back a letter: what is said of it is true, whatever the relay and the other side do."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

import pytest

from ojak_client.errors import NoAnswer
from ojak_client.notices import NoticeKind
from ojak_client.old_lines import FORGOTTEN_AFTER_SECONDS
from ojak_client.our_letters import references_in, sealed_references
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, LetterState, OurLetter, Profile, Role, with_contact
from ojak_client.taking_back import can_be_taken_back, find_letter, take_back, to_take_back
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Conversation
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    Killed,
    Person,
    kept_pair,
    line_of,
    moment,
)
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, holds, meet

HOUR = 3700
TEXT = "돌아오지 마라"


def asks_back(person: Person, reference: int) -> OurLetter:
    person.change(lambda contact: take_back(contact, reference))
    return letter_of(person, reference)


def letter_of(person: Person, reference: int) -> OurLetter:
    letter = find_letter(person.contact, reference)
    assert letter is not None
    return letter


def talk_on(clock: Clock, *people: Person) -> None:
    """Everybody syncs until receipts have gone both ways."""
    for _ in range(3):
        for person in people:
            person.sync()
        clock.now += HOUR


def lying(person: Person) -> dict[MailboxId, bytes]:
    """What this person has in its conversations now."""
    return {
        out.place.id: out.box for line in person.contact.lines for out in line.conversation.outbox
    }


@pytest.fixture
def pair(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person]:
    """A writer and a reader who are in touch."""
    writer, reader = kept_pair(relay, clock)
    talk_on(clock, reader, writer)
    return writer, reader


def test_a_letter_that_was_sealed_for_nobody_is_taken_back_at_once() -> None:
    contact = Contact(NAME, RELAY, ours=(our(),))
    taken = take_back(contact, 1).ours[0]
    assert (taken.state, taken.text) == (LetterState.TAKEN_BACK, "")


def test_a_letter_that_may_have_been_read_is_never_taken_back_at_once() -> None:
    contact = Contact(NAME, RELAY, ours=(our(possibly_read=True),))
    assert take_back(contact, 1).ours[0].state is LetterState.ASKED_BACK


def test_the_text_of_a_letter_asked_back_is_nowhere_any_more(
    pair: tuple[Person, Person],
) -> None:
    writer, _ = pair
    reference = writer.write(TEXT)
    writer.sync()
    before = lying(writer)
    asked = asks_back(writer, reference)
    assert (asked.state, asked.text) == (LetterState.ASKED_BACK, "")
    (old,) = set(before.values()) - set(lying(writer).values())
    assert not holds(writer.contact, old)


def test_a_letter_replaced_before_it_was_collected_is_taken_back_once_that_is_acknowledged(
    pair: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    asks_back(writer, reference)
    writer.sync()
    assert letter_of(writer, reference).state is LetterState.ASKED_BACK
    assert NoticeKind.LETTER_TAKEN_BACK not in writer.kinds()
    reader.write("답")
    talk_on(clock, reader, writer)
    assert reader.texts == []
    assert letter_of(writer, reference).state is LetterState.TAKEN_BACK
    assert writer.kinds().count(NoticeKind.LETTER_TAKEN_BACK) == 1


def test_a_letter_that_one_of_two_sides_gave_back_unread_may_have_been_read_by_the_other(
    pair: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = pair
    silent = line_of(meet().host, kept=False, confirmed_at=clock.now)
    writer.change(lambda contact: replace(contact, lines=(silent, *contact.lines)))
    reference = writer.write(TEXT)
    writer.sync()
    assert all(reference in references_in(line) for line in writer.contact.lines)
    asks_back(writer, reference)
    writer.sync()
    for person in (reader, writer):
        person.sync()
    reader.write("답")
    talk_on(clock, reader, writer)
    assert reference not in references_in(writer.contact.lines[1])
    assert letter_of(writer, reference).state is LetterState.ASKED_BACK
    assert NoticeKind.LETTER_TAKEN_BACK not in writer.kinds()


def test_a_letter_read_before_it_was_asked_back_is_told_as_read(
    pair: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    reader.sync()
    asks_back(writer, reference)
    talk_on(clock, writer, reader)
    assert reader.texts == [TEXT]
    assert letter_of(writer, reference).state is LetterState.COLLECTED
    assert NoticeKind.LETTER_NOT_TAKEN_BACK in writer.kinds()
    assert NoticeKind.LETTER_TAKEN_BACK not in writer.kinds()


def test_a_relay_that_shows_the_old_form_again_cannot_make_us_believe_it_came_back(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    kept = lying(writer)
    asks_back(writer, reference)
    writer.sync()
    with relay.shows(kept):
        talk_on(clock, reader, writer)
    assert reader.texts == [TEXT]
    assert NoticeKind.LETTER_NOT_TAKEN_BACK in writer.kinds()
    assert {NoticeKind.LETTER_TAKEN_BACK, NoticeKind.COPY_DETECTED}.isdisjoint(writer.kinds())


def test_a_relay_that_says_stored_and_replaces_nothing_cannot_make_us_believe_it_came_back(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    asks_back(writer, reference)
    with relay.stores_nothing():
        writer.sync()
    assert letter_of(writer, reference).state is LetterState.ASKED_BACK
    talk_on(clock, reader, writer)
    assert reader.texts == [TEXT]
    assert letter_of(writer, reference).state is LetterState.COLLECTED


def test_a_relay_that_says_occupied_only_delays_it(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    asks_back(writer, reference)
    with relay.occupied():
        writer.sync()
        writer.sync()
    assert letter_of(writer, reference).state is LetterState.ASKED_BACK
    for _ in range(4):
        writer.sync()
    reader.write("답")
    talk_on(clock, reader, writer)
    assert reader.texts == []
    assert NoticeKind.COPY_DETECTED not in writer.kinds()
    assert letter_of(writer, reference).state is LetterState.TAKEN_BACK


@pytest.mark.parametrize(
    "fault", [SimulatedRelay.full, SimulatedRelay.loses_replies, SimulatedRelay.loses_requests]
)
def test_asking_back_goes_on_until_the_relay_has_it(
    fault: Callable[[SimulatedRelay], AbstractContextManager[None]],
    pair: tuple[Person, Person],
    relay: SimulatedRelay,
    clock: Clock,
) -> None:
    writer, reader = pair
    reference = writer.write(TEXT)
    writer.sync()
    asks_back(writer, reference)
    with fault(relay):
        for _ in range(2):
            with suppress(NoAnswer):
                writer.sync()
    writer.sync()
    reader.write("답")
    talk_on(clock, reader, writer)
    assert reader.texts == []
    assert letter_of(writer, reference).state is LetterState.TAKEN_BACK


@pytest.mark.parametrize("save", range(6))
def test_a_process_killed_at_any_save_neither_forgets_that_it_asked_back_nor_sends_it_again(
    save: int, relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = kept_pair(relay, clock)
    talk_on(clock, reader, writer)
    reference = writer.write(TEXT)
    writer.store.killed_at = writer.store.saves + save
    died = 0
    for step in (writer.sync, lambda: asks_back(writer, reference), writer.sync):
        try:
            step()
        except Killed:
            died += 1
    asked = letter_of(writer, reference).state
    writer.store.killed_at = None
    if asked is LetterState.WAITING:
        # It died before it could keep that it was asked back: then nobody was told that it was.
        assert died
        asks_back(writer, reference)
    writer.sync()
    reader.write("답")
    talk_on(clock, reader, writer)
    assert reader.texts == []
    assert letter_of(writer, reference).state is LetterState.TAKEN_BACK


def test_a_letter_asked_back_is_never_sealed_or_offered_again() -> None:
    line = line_of(meet().host)
    contact = Contact(NAME, RELAY, lines=(line,), ours=(our(), our(2)))
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    contact = take_back(contact, 1)
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=contact.ours)
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    assert references_in(contact.lines[0]) == (2,)


def test_a_letter_asked_back_stays_so_when_its_line_is_forgotten() -> None:
    line = line_of(meet().host, kept=False)
    contact = Contact(NAME, RELAY, lines=(line,), ours=(our(),))
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    contact = take_back(contact, 1)
    for later in (FORGOTTEN_AFTER_SECONDS, 2 * MONTH):
        late = moment(CLOCK + later)
        contact = prepare(with_contact(Profile(), contact), RELAY, late)[0].contacts[0]
        assert (contact.lines, sealed_references(contact)) == ((), frozenset())
        assert contact.ours[0].state is LetterState.ASKED_BACK


@pytest.mark.parametrize("state", [LetterState.COLLECTED, LetterState.TAKEN_BACK])
def test_what_needs_no_more_care_cannot_be_taken_back(state: LetterState) -> None:
    contact = Contact(NAME, RELAY, ours=(our(state=state, text=""),))
    assert not can_be_taken_back(contact, contact.ours[0])
    assert take_back(contact, 1) == contact
    assert take_back(contact, 7) == contact


def test_asking_back_twice_changes_nothing_more(pair: tuple[Person, Person]) -> None:
    writer, _ = pair
    reference = writer.write(TEXT)
    writer.sync()
    asks_back(writer, reference)
    writer.sync()
    once = writer.contact
    assert take_back(once, reference) == once


def test_who_names_no_letter_does_not_mean_harmless_ones_or_those_asked_back_already() -> None:
    ours = (our(), our(2, role=Role.COUNTERPART), our(3, state=LetterState.ASKED_BACK, text=""))
    contact = Contact(NAME, RELAY, ours=ours)
    assert [letter.reference for letter in to_take_back(contact)] == [1]


def test_in_a_conversation_that_ended_nobody_can_say_whether_a_letter_came_back() -> None:
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(our(),))
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    (line,) = contact.lines
    contact = Contact(
        NAME,
        RELAY,
        lines=(line_of(_ended(line.conversation)),),
        ours=contact.ours,
    )
    assert take_back(contact, 1).ours[0].state is LetterState.ASKED_BACK


def _ended(conversation: Conversation) -> Conversation:
    return replace(conversation, broken=True)
