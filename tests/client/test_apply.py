"""What a reply means: for letters of both sides, for visits, and for a profile that moved on."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ojak_client.apply import (
    ALWAYS,
    MOST_OFFERED,
    MOST_UNREAD,
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
    Visiting,
    with_contact,
)
from ojak_client.requests import Shape, make_request
from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import MailboxId
from ojak_protocol.guest import offer_places
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_messages import SUITE, VERSION
from ojak_protocol.meeting_places import seal_at
from ojak_protocol.sync import (
    DepositOutcome,
    Found,
    Nothing,
    PollResult,
    SyncReply,
    SyncRequest,
)
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    kept_pair,
    letter,
    line_of,
    moment,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import (
    ALARM,
    CLOCK,
    ENTROPY,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    come,
    forged,
    heard,
    look,
    meet,
    new_point,
    receipt,
    said,
    take,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> SimulatedRelay:
    return SimulatedRelay(clock)


def asked(profile: Profile, now: int = CLOCK) -> tuple[Profile, SyncRequest]:
    profile, _ = prepare(profile, RELAY, moment(now))
    return profile, make_request(profile, RELAY, moment(now), turn=0, shape=Shape(room=16))


def reply(
    request: SyncRequest,
    outcome: DepositOutcome = DepositOutcome.STORED,
    boxes: Mapping[MailboxId, bytes] | None = None,
) -> SyncReply:
    lying = boxes or {}
    polls: tuple[PollResult, ...] = tuple(
        Found(lying[place]) if place in lying else Nothing() for place in request.polls
    )
    return SyncReply(CLOCK, polls, (outcome,) * len(request.deposits))


def our(reference: int = 1, **changes: object) -> OurLetter:
    letter = OurLetter(reference, "편지", CLOCK + MONTH, at_once=True)
    return replace(letter, **changes)  # type: ignore[arg-type] # of each field its own type


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


def test_word_that_a_letter_was_taken_back_in_time_erases_its_text() -> None:
    after = settled_by(Outcome.WITHDRAWN, our()).ours[0]
    assert (after.state, after.text) == (LetterState.TAKEN_BACK, "")


def test_a_letter_settled_in_one_line_is_not_settled_again_by_another() -> None:
    done = our(state=LetterState.COLLECTED, text="")
    assert settled_by(Outcome.WITHDRAWN, done).ours == (done,)


def test_a_counterpart_shown_to_an_alarm_word_leaves_the_letter_waiting() -> None:
    assert settled_by(Outcome.ARRIVED, our(), alarm=True).waiting


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
        if len(host.contact.point.visits) % 12 == 0:  # type: ignore[union-attr] # a host has one
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
    assert guest.kinds().count(NoticeKind.NO_RUN_FREE) == 1
    visiting = guest.contact.visiting
    assert visiting is not None
    assert (visiting.attempt, len(visiting.full)) == (None, 1)
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
    branches: dict[bytes, talk.Conversation] = {}
    for typed in (RIGHT, ALARM):
        attempt = come(point, typed)
        point, visit = take(point, attempt)
        found = look(attempt, boxes_of(*visit.branches))
        assert found is not None
        boxes |= boxes_of(receipt(found[0]))
        branches[typed] = visit.branches[visit.coin if typed == RIGHT else 1 - visit.coin]
    right, alarm = branches[RIGHT], branches[ALARM]
    visit = replace(visit, branches=(right, alarm) if visit.coin == 0 else (alarm, right))
    contact = Contact(NAME, RELAY, point=replace(point, visits=(visit,)))
    profile, request = asked(with_contact(Profile(), contact))
    answer = reply(request, boxes={MailboxId(place): box for place, box in boxes.items()})
    assert sum(isinstance(result, Found) for result in answer.polls) == 2
    _, notices = apply(profile, RELAY, request, answer, moment())
    assert NoticeKind.GUEST_CONFIRMED_ALARM in {notice.kind for notice in notices}


def test_the_word_to_the_other_side_of_a_copy_is_not_deposited_again_once_it_lies_there() -> None:
    pair = meet()
    place, box = forged(
        pair.guest, lambda header: replace(header, keys=replace(header.keys, ct=bytes(1087) + b"x"))
    )
    host, _ = heard(pair.host, place, box)
    profile, request = asked(with_contact(Profile(), Contact(NAME, RELAY, lines=(line_of(host),))))
    assert len(request.deposits) == 1
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
    assert not asked(after)[1].deletes
    read = with_contact(after, replace(after.contacts[0], theirs=unread[1:]))
    read, _ = apply(read, RELAY, request, answer, moment())
    assert len(read.contacts[0].theirs) == MOST_UNREAD
