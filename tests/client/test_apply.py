"""What a reply means: for letters of both sides, for visits, and for a profile that moved on."""

from dataclasses import replace
from itertools import permutations

import pytest

from ojak_client.apply import (
    RECEIPT_DELAY_SECONDS,
    apply,
)
from ojak_client.notices import NoticeKind
from ojak_client.prepare import prepare
from ojak_client.profile import (
    Contact,
    LetterState,
    Line,
    OurLetter,
    Profile,
    Role,
    with_contact,
)
from ojak_client.requests import Shape
from ojak_client.room import MOST_THAT_STAY, MOST_UNREAD, Sender
from ojak_client.settling import settle
from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import MailboxId
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import pack_timed
from ojak_protocol.sync import (
    DepositOutcome,
    Found,
)
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    Person,
    kept_pair,
    letter,
    line_of,
    moment,
    new_person,
)
from tests.client.replies import asked, our, reply
from tests.client.simulated_relay import SimulatedRelay
from tests.people import (
    CLOCK,
    ENTROPY,
    KEM,
    boxes_of,
    forged,
    heard,
    meet,
    said,
)


def one_letter(line: Line | None = None) -> Profile:
    contact = Contact(NAME, RELAY, lines=(line or line_of(meet().guest),), ours=(our(),))
    return with_contact(Profile(), contact)


@pytest.mark.parametrize("outcome", [DepositOutcome.FULL, DepositOutcome.REFUSED])
def test_what_a_full_relay_did_not_take_is_still_to_be_deposited(outcome: DepositOutcome) -> None:
    profile, request = asked(one_letter())
    after, notices = apply(profile, RELAY, request, reply(request, outcome), moment())
    assert [notice.kind for notice in notices] == [NoticeKind.RELAY_FULL]
    assert asked(after)[1].deposits == request.deposits


def test_what_was_stored_is_not_deposited_again() -> None:
    profile, request = asked(one_letter())
    after, _ = apply(profile, RELAY, request, reply(request), moment())
    assert request.deposits
    assert not asked(after)[1].deposits


def test_a_reply_applied_twice_changes_nothing_more(relay: SimulatedRelay, clock: Clock) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    boxes = {d.id: d.box for made in relay.arrived for d in made.deposits}
    profile, request = asked(host.store.read())
    answer = reply(request, boxes=boxes)
    once, notices = apply(profile, RELAY, request, answer, moment())
    twice, nothing = apply(once, RELAY, request, answer, moment())
    assert NoticeKind.LETTER_ARRIVED in {notice.kind for notice in notices}
    assert nothing == ()
    assert twice.contacts[0].theirs == once.contacts[0].theirs


def test_word_on_a_form_that_was_taken_back_since_is_not_believed_of_the_new_form() -> None:
    profile, request = asked(one_letter())
    moved_on, _ = prepare(profile, RELAY, moment(CLOCK + MONTH))
    for outcome in (DepositOutcome.STORED, DepositOutcome.OCCUPIED):
        after, _ = apply(moved_on, RELAY, request, reply(request, outcome), moment(CLOCK + MONTH))
        due = talk.due(after.contacts[0].lines[0].conversation, now=CLOCK + MONTH)
        assert any(out.replaces and out.reference == 1 for out in due)


def test_other_bytes_at_our_place_are_looked_at_and_then_replaced() -> None:
    profile, request = asked(one_letter())
    after, _ = apply(profile, RELAY, request, reply(request, DepositOutcome.OCCUPIED), moment())
    looking, looks = asked(after)
    place = request.deposits[0].id
    assert place in looks.polls
    assert not looks.deposits
    squatted, notices = apply(
        looking, RELAY, looks, reply(looks, boxes={place: bytes(4000)}), moment()
    )
    assert notices == ()
    again = {deposit.id: deposit for deposit in asked(squatted)[1].deposits}
    assert again[place].delete_key is not None


def test_deletes_are_forgotten_once_the_relay_answered(relay: SimulatedRelay, clock: Clock) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    exchange = host.exchange()
    exchange.round(Shape(room=4))
    keys = host.contact.lines[0].conversation.deletes
    assert keys
    exchange.round(Shape())
    assert host.contact.lines[0].conversation.deletes == ()
    assert set(relay.arrived[-1].deletes) == set(keys)


def test_receipts_wait_between_ten_minutes_and_an_hour(relay: SimulatedRelay, clock: Clock) -> None:
    due = set()
    for _ in range(6):
        host, guest = kept_pair(relay, clock)
        guest.write("편지")
        guest.sync()
        host.sync()
        due.add(host.contact.lines[0].receipt_due_at - clock.now)
    least, most = RECEIPT_DELAY_SECONDS
    assert all(least <= delay < most for delay in due)
    assert len(due) > 1


def test_a_receipt_rides_with_a_letter_and_is_then_no_longer_owed(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    host.sync()
    host.write("답")
    host.sync()
    assert host.contact.lines[0].receipt_due_at == 0
    guest.sync()
    assert [one.state for one in guest.contact.ours] == [LetterState.COLLECTED]
    assert guest.contact.ours[0].text == ""


def settled_by(outcome: Outcome, state: OurLetter, *, alarm: bool = False) -> Contact:
    """A contact after word of its letter 1 came, which was in the state given by then."""
    pair = meet()
    host = talk.write(pair.host, Body(Kind.TEXT, "x"), reference=1, entropy=ENTROPY, kem=KEM)
    if outcome is Outcome.WITHDRAWN:
        host = talk.expire(
            replace(
                host,
                outbox=(*host.outbox[:-1], replace(host.outbox[-1], expires_at=1)),
            ),
            now=CLOCK,
        )
    guest = pair.guest
    for out in host.outbox:
        guest, _ = talk.receive(guest, out.place.id, out.box, kem=KEM)
    guest = talk.write(guest, Body(Kind.GREETING), reference=0, entropy=ENTROPY, kem=KEM)
    contact = Contact(NAME, RELAY, lines=(line_of(host, alarm=alarm),), ours=(state,))
    profile, request = asked(with_contact(Profile(), contact))
    boxes = {out.place.id: out.box for out in guest.outbox}
    return apply(profile, RELAY, request, reply(request, boxes=boxes), moment())[0].contacts[0]


def test_word_that_a_letter_arrived_erases_its_text() -> None:
    after = settled_by(Outcome.ARRIVED, our()).ours[0]
    assert (after.state, after.text) == (LetterState.COLLECTED, "")


def test_word_that_a_letter_passed_its_time_unread_erases_its_text() -> None:
    after = settled_by(Outcome.WITHDRAWN, our(expires_at=CLOCK)).ours[0]
    assert (after.state, after.text, after.possibly_read) == (LetterState.EXPIRED, "", False)


def test_a_letter_past_its_time_is_not_said_to_be_unread_while_another_line_holds_it() -> None:
    contact = prepare(
        with_contact(
            Profile(),
            Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(our(expires_at=1),)),
        ),
        RELAY,
        moment(0),
    )[0].contacts[0]
    assert settle(contact, 1, Outcome.WITHDRAWN, CLOCK) == (contact, ())


def test_a_letter_that_was_only_beside_one_asked_back_waits_again() -> None:
    assert settled_by(Outcome.WITHDRAWN, our()).ours == (our(),)


def test_a_letter_that_somebody_else_may_have_read_is_never_said_to_be_taken_back() -> None:
    asked_back = our(state=LetterState.ASKED_BACK, text="", possibly_read=True)
    for before, state in (
        (our(expires_at=CLOCK, possibly_read=True), LetterState.EXPIRED),
        (asked_back, LetterState.ASKED_BACK),
    ):
        after = settled_by(Outcome.WITHDRAWN, before).ours[0]
        assert (after.state, after.possibly_read) == (state, True)


def test_a_letter_settled_in_one_line_is_not_settled_again_by_another() -> None:
    done = our(state=LetterState.COLLECTED, text="")
    assert settled_by(Outcome.WITHDRAWN, done).ours == (done,)


def test_a_counterpart_that_was_shown_is_used_up() -> None:
    harmless = our(role=Role.COUNTERPART)
    after = settled_by(Outcome.ARRIVED, harmless, alarm=True).ours[0]
    assert (after.state, after.text) == (LetterState.COLLECTED, "")


def test_a_counterpart_that_was_asked_back_is_not_used_again() -> None:
    harmless = our(role=Role.COUNTERPART, state=LetterState.ASKED_BACK, text="")
    after = settled_by(Outcome.WITHDRAWN, harmless, alarm=True).ours[0]
    assert after.state is LetterState.TAKEN_BACK


def test_a_counterpart_that_nobody_saw_can_be_used_again() -> None:
    harmless = our(role=Role.COUNTERPART)
    assert settled_by(Outcome.WITHDRAWN, harmless, alarm=True).ours == (harmless,)


def test_of_a_letter_asked_back_its_reader_may_say_that_it_was_read() -> None:
    asked_back = our(state=LetterState.ASKED_BACK, text="")
    for outcome, state in (
        (Outcome.ARRIVED, LetterState.COLLECTED),
        (Outcome.WITHDRAWN, LetterState.TAKEN_BACK),
    ):
        assert settled_by(outcome, asked_back).ours[0].state is state


def test_a_letter_lost_on_the_way_waits_again_and_goes_again_by_itself(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.sync()
    host.sync()
    host.write("verloren")
    host.sync()
    # The box disappears at the relay, and two more turns of the conversation pass.
    lost = host.contact.lines[0].conversation.outbox[-1].place
    for turn in range(4):
        made = relay.store._records.pop(lost.id, None)  # noqa: SLF001 - a relay that loses a box
        assert made or turn
        for writer in (guest, host):
            writer.write(f"{turn}")
            for person in (writer, guest, host):
                person.sync()
    for _ in range(3):
        for person in (host, guest):
            person.sync()
        clock.now += 3700
    assert guest.texts.count("verloren") == 1
    assert NoticeKind.LETTER_LOST in host.kinds()
    assert all(one.state is LetterState.COLLECTED for one in host.contact.ours)


def test_greetings_and_letters_taken_back_are_not_letters_to_read(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("zu spät", expires_at=clock.now + 10)
    guest.store.update(lambda profile: (prepare(profile, RELAY, moment(clock.now))[0], None))
    clock.now += 20
    guest.sync()
    host.sync()
    assert host.texts == []


def test_a_copy_that_shows_itself_ends_the_conversation_and_is_told(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.sync()
    host.sync()
    copy = Person(relay, clock, type(guest.store)(guest.store.read()))
    for person, text in ((guest, "가"), (copy, "나")):
        person.write(text)
    copy.sync()
    guest.sync()
    for _ in range(3):
        guest.sync()
        host.sync()
        clock.now += 3700
    assert NoticeKind.COPY_DETECTED in guest.kinds()
    assert guest.contact.lines[0].conversation.broken


def test_the_word_to_the_other_side_of_a_copy_is_not_deposited_again_once_it_lies_there() -> None:
    pair = meet()
    place, box = forged(
        pair.guest, lambda header: replace(header, keys=replace(header.keys, ct=bytes(1087) + b"x"))
    )
    host, _ = heard(pair.host, place, box)
    profile, request = asked(with_contact(Profile(), Contact(NAME, RELAY, lines=(line_of(host),))))
    assert len(request.deposits) == 2
    assert all(one.delete_key for one in request.deposits)
    after, _ = apply(profile, RELAY, request, reply(request), moment())
    assert not asked(after)[1].deposits


def test_whoever_knows_the_answers_cannot_fill_the_vault_with_unread_letters() -> None:
    pair = meet()
    guest = said(pair.guest, "one more")
    unread = tuple(letter(reference=number) for number in range(MOST_UNREAD))
    contact = Contact(NAME, RELAY, lines=(line_of(pair.host),), theirs=unread)
    profile, request = asked(with_contact(Profile(), contact))
    answer = reply(request, boxes={MailboxId(p): box for p, box in boxes_of(guest).items()})
    assert any(isinstance(result, Found) for result in answer.polls)
    after, _ = apply(profile, RELAY, request, answer, moment())
    assert after.contacts[0].theirs == unread
    # What lies there of the meeting was read then, and is deleted once more; the letter is not.
    greeting, one_more = guest.outbox
    assert asked(after)[1].deletes == (greeting.place.delete_key,)
    assert one_more.letter
    read = with_contact(after, replace(after.contacts[0], theirs=unread[1:]))
    read, _ = apply(read, RELAY, request, answer, moment())
    assert len(read.contacts[0].theirs) == MOST_UNREAD


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_letters_are_read_in_the_order_in_which_they_were_written(order: tuple[int, ...]) -> None:
    """Whichever of them a look found first, and whatever came through another line meanwhile."""
    pair, other = meet(), meet()
    words = ["하나", "둘", "셋"]
    written = said(pair.guest, *words)
    boxes = [(out.place.id, out.box) for out in written.outbox[-len(words) :]]
    # Confirmed in one second: that is not by what a line is recognised.
    lines = (line_of(pair.host), line_of(other.host))
    profile = with_contact(Profile(), Contact(NAME, RELAY, lines=lines))
    strange = said(other.guest, "다른 길").outbox[-1]
    for place, box in [
        boxes[order[0]],
        (strange.place.id, strange.box),
        *map(boxes.__getitem__, order[1:]),
    ]:
        prepared, _ = prepare(profile, RELAY, moment())
        _, request = asked(prepared)
        request = replace(request, polls=(place, *request.polls[1:]))
        profile, _ = apply(prepared, RELAY, request, reply(request, boxes={place: box}), moment())
    texts = [one.text for one in profile.contacts[0].theirs]
    assert [text for text in texts if text in words] == words
    assert texts.index("다른 길") > texts.index(words[order[0]])
    assert [line.brought for line in profile.contacts[0].lines] == [3, 1]


LATER_VERSION = 77


@pytest.mark.parametrize("due_at", [0, CLOCK + MONTH])
def test_letters_that_no_reading_clears_do_not_keep_out_those_of_others(
    due_at: int, relay: SimulatedRelay, clock: Clock
) -> None:
    """Neither what a later version made nor what is due on a later day."""
    host, guest = kept_pair(relay, clock)

    def flood(contact: Contact) -> Contact:
        (line,) = contact.lines
        state = line.conversation
        for _ in range(MOST_UNREAD):
            body = Body(LATER_VERSION)
            if due_at:
                parcel = pack_timed(b"x", due_at=due_at, now=clock.now, entropy=ENTROPY)
                body = Body(Kind.PARCEL, details=parcel)
            state = talk.write(state, body, reference=0, entropy=ENTROPY, kem=KEM)
        return replace(contact, lines=(replace(line, conversation=state),))

    guest.change(flood)
    for _ in range(5):
        guest.sync()
        host.sync()
    kept = len(host.contact.theirs) + len(host.contact.pointers)
    assert kept == MOST_THAT_STAY[Sender.FAMILY]
    pair = meet()
    host.change(lambda now: replace(now, lines=(*now.lines, line_of(pair.host))))
    other = new_person(relay, Contact(NAME, RELAY, lines=(line_of(pair.guest),)), clock)
    other.write("Brief")
    for _ in range(3):
        other.sync()
        host.sync()
    assert "Brief" in host.texts
