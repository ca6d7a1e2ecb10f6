"""What is due before a request: offers, letters sealed, old things let go."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.notices import NoticeKind
from ojak_client.old_lines import FORGOTTEN_AFTER_SECONDS, KEPT_LINES
from ojak_client.our_letters import references_in
from ojak_client.outgoing_room import MOST_LETTERS
from ojak_client.prepare import (
    LAID_AGAIN_SECONDS,
    RECORDS_KEPT,
    VISITING_SECONDS,
    is_live,
    prepare,
)
from ojak_client.profile import (
    Contact,
    LetterState,
    OurLetter,
    Profile,
    QuestionSet,
    Visiting,
    with_contact,
)
from ojak_protocol import conversation as talk
from ojak_protocol import meeting_point
from ojak_protocol.acknowledgement import MOST_UNACKNOWLEDGED
from ojak_protocol.conversation import PLACES_FOR_RECEIPTS, Arrived
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from ojak_protocol.visits import VISIT_SECONDS, Letter
from tests.client.persons import MONTH, NAME, RELAY, line_of, moment
from tests.people import (
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
    is_broken,
    meet,
    new_point,
    take,
)

DAY = 86_400


def prepared(contact: Contact, now: int = CLOCK, relay_clock: int | None = None) -> Contact:
    profile = with_contact(Profile(), contact)
    return prepare(profile, RELAY, moment(now, relay_clock))[0].contacts[0]


def our(reference: int = 1, text: str = "편지", **changes: object) -> OurLetter:
    letter = OurLetter(reference, text, CLOCK + MONTH, at_once=True)
    return replace(letter, **changes)  # type: ignore[arg-type] # of each field its own type


def test_another_relays_contacts_stay_as_they_are() -> None:
    contact = Contact(
        NAME, "https://other.example", sets=(QuestionSet(new_point(), ()),), ours=(our(),)
    )
    profile = with_contact(Profile(), contact)
    assert prepare(profile, RELAY, moment())[0].contacts == (contact,)


def test_preparing_twice_changes_nothing_more() -> None:
    contact = Contact(
        NAME,
        RELAY,
        sets=(QuestionSet(new_point(), ()),),
        lines=(line_of(meet().guest),),
        ours=(our(),),
    )
    once = prepare(with_contact(Profile(), contact), RELAY, moment())[0]
    assert prepare(once, RELAY, moment()) == (once, ())


def test_offers_are_laid_for_today_and_fourteen_days_ahead() -> None:
    point = replace(new_point(), offers=())
    laid = prepared(Contact(NAME, RELAY, sets=(QuestionSet(point, ()),))).sets[0].point
    assert laid is not None
    assert len(laid.offers) == 15


def test_the_nearest_offers_are_laid_again_every_few_hours_in_case_a_relay_lost_them() -> None:
    point = new_point()
    point = replace(point, offers=tuple(replace(laid, laid=True) for laid in point.offers))
    contact = Contact(NAME, RELAY, sets=(QuestionSet(point, ()),), offers_again_at=CLOCK)

    def missing(later: int) -> int:
        point = prepared(contact, CLOCK + later).sets[0].point
        assert point is not None
        return sum(not laid.laid for laid in point.offers)

    assert missing(LAID_AGAIN_SECONDS - 1) == 0
    assert missing(LAID_AGAIN_SECONDS) == 2


@pytest.mark.parametrize("until", [CLOCK + 60, 1 << 62])
def test_a_visit_that_nobody_confirms_is_reported_once_whatever_its_guest_said(until: int) -> None:
    point = new_point()
    offered = Letter(1, Body(Kind.TEXT, "편지"), Body(Kind.GREETING))
    point, _ = take(point, come(point, WRONG, until=until), (offered,))
    contact = Contact(NAME, RELAY, sets=(QuestionSet(point, ()),), ours=(our(),))
    kinds: list[NoticeKind] = []
    for now in (CLOCK, CLOCK + 61, CLOCK + VISIT_SECONDS, CLOCK + VISIT_SECONDS + 61):
        profile, notices = prepare(with_contact(Profile(), contact), RELAY, moment(now))
        contact = profile.contacts[0]
        kinds += [notice.kind for notice in notices]
    assert kinds == [NoticeKind.GUEST_UNCONFIRMED]
    assert contact.ours[0].possibly_read
    assert not contact.sets[0].point.visits


def test_a_letter_waits_for_whom_it_was_written_and_is_sealed_once() -> None:
    contact = prepared(Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(our(),)))
    assert references_in(contact.lines[0]) == (1,)
    assert references_in(prepared(contact).lines[0]) == (1,)


def test_no_letter_goes_to_whoever_came_with_the_alarm_word() -> None:
    alarm = line_of(meet().host, alarm=True, kept=False)
    contact = prepared(Contact(NAME, RELAY, lines=(alarm,), ours=(our(),)))
    assert references_in(contact.lines[0]) == ()


def test_more_letters_than_the_vault_can_hold_sealed_wait_unsealed() -> None:
    most = MOST_UNACKNOWLEDGED - PLACES_FOR_RECEIPTS
    lines = tuple(line_of(meet().host) for _ in range(4))
    contacts = [
        Contact(f"{number}", RELAY, lines=(line,), ours=tuple(our(n) for n in range(1, most + 9)))
        for number, line in enumerate(lines)
    ]
    profile = Profile()
    for contact in contacts:
        profile = with_contact(profile, contact)
    for _ in range(3):
        profile, _ = prepare(profile, RELAY, moment())
    sealed = [len(references_in(contact.lines[0])) for contact in profile.contacts]
    # Half of what may be sealed is reserved, the same for each.
    least = MOST_LETTERS // 8
    assert sealed == [most, most, MOST_LETTERS - 2 * most - least, least]


def test_the_first_box_of_a_guest_goes_out_even_without_a_letter() -> None:
    guest = meet().guest
    fresh = replace(guest, outbox=(), writing=talk.Conversation(guest.ratchet).writing)
    sending = guest.ratchet.sending
    assert sending is not None
    first = replace(fresh, ratchet=replace(guest.ratchet, sending=replace(sending, index=0)))
    contact = prepared(Contact(NAME, RELAY, lines=(line_of(first),)))
    assert len(contact.lines[0].conversation.outbox) == 1


def test_a_receipt_goes_out_by_itself_only_when_it_is_due() -> None:
    line = line_of(meet().host, receipt_due_at=CLOCK + 600)
    contact = Contact(NAME, RELAY, lines=(line,))
    before = len(line.conversation.outbox)
    assert len(prepared(contact, CLOCK + 599).lines[0].conversation.outbox) == before
    after = prepared(contact, CLOCK + 600).lines[0]
    assert (len(after.conversation.outbox), after.receipt_due_at) == (before + 1, 0)


def test_a_full_conversation_leaves_its_letters_waiting() -> None:
    side = meet().host
    for number in range(60):
        body = Body(Kind.TEXT, "x")
        try:
            side = talk.write(side, body, reference=0, entropy=ENTROPY, kem=KEM)
        except Exhausted:
            break
        assert number < 61
    contact = prepared(Contact(NAME, RELAY, lines=(line_of(side),), ours=(our(),)))
    assert contact.waiting
    assert references_in(contact.lines[0]) == ()


@pytest.mark.parametrize("way", [1, -1])
def test_what_a_forgotten_guest_did_not_acknowledge_waits_again_after_a_day(way: int) -> None:
    line = line_of(meet().host, kept=False)
    contact = prepared(Contact(NAME, RELAY, lines=(line,), ours=(our(),)))
    assert references_in(contact.lines[0]) == (1,)
    almost = prepared(contact, CLOCK + way * (FORGOTTEN_AFTER_SECONDS - 1))
    assert len(almost.lines) == 1
    # However the device's clock was wrong at the meeting, a day of its time is enough.
    later = prepared(contact, CLOCK + way * FORGOTTEN_AFTER_SECONDS)
    assert later.lines == ()
    assert [letter.reference for letter in later.waiting] == [1]
    assert later.ours[0].possibly_read


def test_a_letter_past_its_time_is_taken_back_at_its_place_and_keeps_waiting_for_word_of_it() -> (
    None
):
    contact = prepared(Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(our(),)))
    out = contact.lines[0].conversation.outbox[-1]
    late = prepared(contact, CLOCK + MONTH)
    gone = late.lines[0].conversation.outbox[-1]
    assert (gone.box, gone.replaces) == (out.withdrawn, True)
    assert late.ours[0].state is LetterState.WAITING


def test_a_letter_past_its_time_that_never_left_is_taken_back_and_its_text_erased() -> None:
    late = prepared(Contact(NAME, RELAY, ours=(our(),)), CLOCK + MONTH)
    assert (late.ours[0].state, late.ours[0].text) == (LetterState.EXPIRED, "")


def test_a_letter_past_its_time_that_a_visit_may_have_read_is_taken_back_in_both_its_branches() -> (
    None
):
    point = new_point()
    body = Body(Kind.TEXT, "편지", expires_at=CLOCK + MONTH)
    offered = Letter(1, body, Body(Kind.GREETING))
    point, visit = take(point, come(point, RIGHT, until=CLOCK + 2 * MONTH), (offered,))
    visit = replace(visit, taken_at=CLOCK + MONTH - DAY)
    contact = Contact(
        NAME,
        RELAY,
        sets=(QuestionSet(meeting_point.change_visit(point, visit), ()),),
        ours=(our(),),
    )
    late = prepared(contact, CLOCK + MONTH)
    for before, after in zip(visit.branches, late.sets[0].point.visits[0].branches, strict=True):
        assert after.outbox[0].box == before.outbox[0].withdrawn
        assert after.outbox[0].replaces
    # Whether it was read nobody knows before the visit is confirmed or forgotten.
    assert late.ours[0].state is LetterState.WAITING
    forgotten = prepared(late, CLOCK + MONTH + VISIT_SECONDS)
    assert (forgotten.ours[0].state, forgotten.ours[0].possibly_read) == (
        LetterState.EXPIRED,
        True,
    )


def test_only_the_latest_records_of_settled_letters_are_kept() -> None:
    settled = tuple(our(n, state=LetterState.COLLECTED) for n in range(1, RECORDS_KEPT + 11))
    contact = prepared(Contact(NAME, RELAY, ours=(*settled, our(99))))
    assert len(contact.ours) == RECORDS_KEPT + 1
    assert contact.ours[0].reference == 11


@settings(deadline=None, max_examples=30)
@given(clock=st.integers(0, 1 << 40), relay_clock=st.integers(0, 1 << 40))
def test_h10_no_pair_of_clocks_stops_preparing_or_takes_a_letter_back_by_the_relays(
    clock: int, relay_clock: int
) -> None:
    line = line_of(meet().host, kept=False)
    contact = Contact(NAME, RELAY, sets=(QuestionSet(POINT, ()),), lines=(line,), ours=(our(),))
    later = prepared(contact, clock, relay_clock)
    assert (later.ours[0].state is LetterState.WAITING) == (clock < CLOCK + MONTH)
    assert (later.lines == ()) == (abs(clock - CLOCK) >= FORGOTTEN_AFTER_SECONDS)


POINT = new_point()


def visiting(contact: Contact) -> Visiting:
    assert contact.visiting is not None
    return contact.visiting


def answering(*, leaves: bool, typed: bytes = RIGHT) -> Contact:
    attempt = come(POINT, typed)
    state = Visiting(SEED, typed, 1, 60, keeps=True, leaves_letter=leaves, attempt=attempt)
    return Contact(NAME, RELAY, visiting=replace(state, answered_at=CLOCK), ours=(our(),))


def test_nothing_is_written_before_the_host_is_confirmed_unless_the_person_leaves_it() -> None:
    attempt = visiting(prepared(answering(leaves=False))).attempt
    assert attempt is not None
    assert [branch.outbox for branch in attempt.branches] == [(), ()]


def test_a_letter_that_is_left_stands_in_both_branches_once() -> None:
    contact = prepared(prepared(answering(leaves=True)))
    attempt = visiting(contact).attempt
    assert attempt is not None
    assert [[out.reference for out in branch.outbox] for branch in attempt.branches] == [[1], [1]]


def test_an_answer_that_nobody_confirmed_for_long_is_forgotten_and_not_given_again() -> None:
    contact = answering(leaves=False)
    assert prepared(contact, CLOCK + VISITING_SECONDS - 1).visiting
    assert prepared(contact, CLOCK + VISITING_SECONDS).visiting is None
    unanswered = replace(contact, visiting=replace(visiting(contact), attempt=None))
    assert prepared(unanswered, CLOCK + VISITING_SECONDS).visiting


def test_only_the_newest_kept_line_is_written_to_and_a_guests_while_it_looks() -> None:
    old, new = line_of(meet().host), line_of(meet().host)
    guest = line_of(meet().host, kept=False, looks_until=CLOCK)
    broken = line_of(replace(meet().host, broken=True))
    contact = Contact(NAME, RELAY, lines=(old, new, guest, broken))
    assert [is_live(contact, line, CLOCK) for line in contact.lines] == [False, True, True, False]
    assert not is_live(contact, guest, CLOCK + 1)


def test_a_guest_tells_whether_it_keeps_its_state_in_its_first_chain_alone() -> None:
    pair = meet()
    contact = Contact(NAME, RELAY, lines=(line_of(pair.guest),), ours=(our(),))
    [line] = prepared(contact).lines
    assert line.conversation.ratchet.sending is not None
    assert line.conversation.ratchet.sending.number == 1
    _, events = heard(pair.host, *list(boxes_of(line.conversation).items())[-1])
    assert [e.body.kept for e in events if isinstance(e, Arrived)] == [None]


def test_after_a_copy_was_detected_the_other_sides_person_is_told_as_well() -> None:
    pair = meet()
    place, box = forged(
        pair.guest, lambda header: replace(header, keys=replace(header.keys, ct=bytes(1087) + b"x"))
    )
    host, events = heard(pair.host, place, box)
    assert is_broken(events)
    contact = prepared(Contact(NAME, RELAY, lines=(line_of(host),)))
    in_chain, beside = talk.due(contact.lines[0].conversation, now=CLOCK)
    for farewell in (in_chain, beside):
        assert is_broken(heard(pair.guest, farewell.place.id, farewell.box)[1])
    assert prepared(contact) == contact


def test_whoever_is_forced_again_and_again_pushes_out_no_conversation_with_the_family() -> None:
    family = line_of(meet().host)
    forced = tuple(line_of(meet().host, alarm=True) for _ in range(KEPT_LINES + 2))
    contact = Contact(NAME, RELAY, lines=(family, *forced))
    assert prepared(contact).lines == (family, *forced[2:])


def test_only_the_newest_kept_lines_stay() -> None:
    lines = tuple(line_of(meet().host) for _ in range(KEPT_LINES + 2))
    assert prepared(Contact(NAME, RELAY, lines=lines)).lines == lines[2:]


@pytest.mark.parametrize("kept", [False, True])
def test_the_end_after_a_copy_is_written_to_a_side_that_keeps_its_state_alone(
    *, kept: bool
) -> None:
    """Another one looks no more: what lay there for it would tell of the copy to nobody."""
    broken = replace(meet().host, broken=True, owes_end=True)
    line = line_of(broken, kept=kept)
    profile = with_contact(Profile(), Contact(NAME, RELAY, lines=(line,)))
    (later,) = prepare(profile, RELAY, moment())[0].contacts[0].lines
    assert len(later.conversation.farewell) == kept
