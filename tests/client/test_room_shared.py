"""B1, C7: whoever floods, the vault keeps room for each of the others.

The hostile half: four contacts whose answers are known send whatever is taken of them, come as
often as they are let in, leave places out of what they write, and the family, which is the fifth,
is heard all the same.
"""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_client import apply as applying
from ojak_client import requests
from ojak_client.apply import apply
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.errors import VaultFull
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.notices import NoticeKind
from ojak_client.our_letters import with_letter
from ojak_client.pairing import letters_offered
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Line, Pointer, Profile, QuestionSet, find, with_contact
from ojak_client.room import MOST_LEFT_BEHIND, MOST_UNREAD, has_room, has_room_for_visits
from ojak_client.sharing import (
    LEAST_TO_SHARE_BYTES,
    LETTER_BYTES,
    LINE_BYTES,
    MOST_TO_SHARE_BYTES,
    SLACK_BYTES,
    VISIT_BYTES,
    LastShares,
    Share,
    check_room,
    letters_bytes,
    meetings_bytes,
    share_of,
    shares,
)
from ojak_client.store import encode
from ojak_client.vault_format import MAX_CONTENT_BYTES
from ojak_protocol import ratchet
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Conversation
from ojak_protocol.details import MOST_QUESTION_CHARACTERS, Stop, StopWhat
from ojak_protocol.letters import Body, Kind, encode_body
from ojak_protocol.sync import Found, Nothing, PollResult, SyncClass, SyncReply, SyncRequest
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    Person,
    kept_pair,
    letter,
    line_of,
    moment,
)
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, ENTROPY, KEM, RIGHT, come, meet, new_point, take

LONGEST = "x" * 1490
FLOODERS = ("가", "나", "다", "라")
PAGES_FOR_VISITS = 320


def stranger(name: str, *, sets: int = 2) -> Contact:
    points = [replace(new_point(), set_number=number + 1) for number in range(sets)]
    return Contact(name, RELAY, sets=tuple(QuestionSet(one, ()) for one in points))


def with_letters(profile: Profile, name: str, most: int = 10**6) -> Profile:
    """The vault after somebody came and wrote for as long as he is let in."""
    contact = find(profile, name)
    assert contact is not None
    for number in range(most):
        share = share_of(contact, profile.contacts)
        if not has_room_for_visits(contact, contact.sets[0].point, share):
            break
        contact = replace(
            contact, theirs=(*contact.theirs, letter(LONGEST, reference=number)), arrivals=number
        )
    return with_contact(profile, contact)


def content_bytes(profile: Profile) -> int:
    return len(encode(map_boxes(profile, lambda _: os.urandom(REFERENCE_BYTES))))


def boxes(profile: Profile) -> int:
    seen = []
    map_boxes(profile, lambda box: seen.append(box) or box)  # type: ignore[func-returns-value]  # counted on the way
    return len(seen)


def flooded(profile: Profile) -> Profile:
    for name in FLOODERS:
        profile = with_contact(profile, stranger(name))
    for name in FLOODERS:
        profile = with_letters(profile, name)
    return profile


def test_b1_four_who_flood_leave_the_fifth_its_room(relay: SimulatedRelay, clock: Clock) -> None:
    host, guest = kept_pair(relay, clock)
    host.store.update(lambda profile: (flooded(profile), None))
    before = content_bytes(host.store.read())
    for number in range(10):
        guest.write(f"{number} {LONGEST[:1400]}")
        for person in (guest, host):
            person.sync()
        clock.now += 3600
    assert len(host.texts) == 10
    assert before < content_bytes(host.store.read()) <= MAX_CONTENT_BYTES


def share_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there was before: each contact by itself, however many there are."""
    whole = Share(10**9, 10**9)
    for asking in (prepare, requests.make_request):
        unbounded = {"sharing": lambda found: {one.name: whole for one in found}}
        monkeypatch.setattr(asking, "__kwdefaults__", unbounded)
    monkeypatch.setattr(applying, "share_of", lambda *_: whole)
    monkeypatch.setitem(globals(), "share_of", lambda *_: whole)


def visited(profile: Profile, name: str) -> Profile:
    """The vault after strangers took every try that is let in, each offered all that there is."""
    contact = find(profile, name)
    assert contact is not None
    for position, one in enumerate(contact.sets):
        point = one.point
        # As many as can come to one offer.
        for _ in range(4):
            if not has_room_for_visits(contact, point, share_of(contact, profile.contacts)):
                break
            offered = tuple(
                letters_offered(
                    replace(contact, ours=tuple(our(n, at_once=True) for n in (1, 2))),
                    point,
                    paired=False,
                )
            )
            point, _ = take(point, come(point, RIGHT), letters=offered)
            sets = list(contact.sets)
            sets[position] = replace(one, point=point)
            contact = replace(contact, sets=tuple(sets))
    return with_contact(profile, contact)


def bring(profile: Profile, boxes: dict[MailboxId, bytes]) -> Profile:
    """The vault after a relay gave these out, however often they were not asked for."""
    polls = (*boxes, *(MailboxId(os.urandom(32)) for _ in range(32 - len(boxes))))
    found = [Found(box) for box in boxes.values()]
    results: tuple[PollResult, ...] = (*found, *[Nothing()] * (32 - len(boxes)))
    request = SyncRequest(SyncClass.ZERO, polls, room=16)
    return apply(profile, RELAY, request, SyncReply(CLOCK, results, ()), moment())[0]


def far_ahead(writer: Conversation, left_out: int = 60) -> dict[MailboxId, bytes]:
    """Three places of a chain, of which so many before them were left out."""
    state, boxes = writer.ratchet, {}
    body = encode_body(Body(Kind.GREETING, kept=True))
    for number in range(left_out + 3):
        state, sealed = ratchet.seal(state, body, body, entropy=ENTROPY, kem=KEM)
        if number >= left_out:
            boxes[sealed.place.id] = sealed.letter
    return dict(reversed(boxes.items()))


def stranger_lines(state: Conversation) -> tuple[Line, ...]:
    """As many conversations as one who knows the answers can have of each sort; all in one state,
    as what is sealed for one is then for all."""
    sorts = [(False, False, False)] * 8 + [(False, True, False)] * 8
    sorts += [(True, False, False)] * 3 + [(True, True, False)] * 3 + [(True, False, True)] * 3
    return tuple(
        line_of(state, kept=kept, held=held, alarm=alarm, looks_until=CLOCK + 60)
        for kept, held, alarm in sorts
    )


def leaving_out(profile: Profile, name: str) -> Profile:
    """The vault after he met as often as he could, and left places out wherever he was met."""
    contact, pair = find(profile, name), meet()
    assert contact is not None
    profile = with_contact(profile, replace(contact, lines=stranger_lines(pair.host)))
    profile = prepare(profile, RELAY, moment())[0]
    return bring(profile, far_ahead(pair.guest))


def worst(names: tuple[str, ...]) -> Profile:
    """The vault after strangers did what they can at the contacts of these *names*."""
    profile = Profile()
    for name in (*names, NAME):
        profile = with_contact(profile, stranger(name))
    for name in names:
        profile = visited(profile, name)
    for name in names:
        profile = leaving_out(profile, name)
    for name in names:
        profile = with_letters(profile, name)
    return prepare(profile, RELAY, moment())[0]


@pytest.mark.parametrize("names", [FLOODERS[:1], FLOODERS[:2]])
def test_b1_who_does_all_that_he_can_does_not_fill_the_vault(names: tuple[str, ...]) -> None:
    profile = worst(names)
    assert content_bytes(profile) <= MAX_CONTENT_BYTES - 32_000
    family = find(profile, NAME)
    assert family is not None
    share = share_of(family, profile.contacts)
    assert share.letters_bytes >= 10 * LETTER_BYTES
    assert has_room(family, share)
    assert has_room_for_visits(family, family.sets[0].point, share)


def test_without_a_bound_for_all_one_alone_fills_the_vault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted bug: visits, conversations and places left out were not counted."""
    share_without_bound(monkeypatch)
    assert content_bytes(worst(FLOODERS[:1])) > MAX_CONTENT_BYTES


def test_b1_visits_of_strangers_leave_pages_for_others() -> None:
    profile = Profile()
    for name in (*FLOODERS, NAME):
        profile = with_contact(profile, stranger(name, sets=3))
    before = boxes(profile)
    for name in FLOODERS:
        profile = visited(profile, name)
    assert boxes(profile) - before <= PAGES_FOR_VISITS
    family = find(profile, NAME)
    assert family is not None
    assert has_room_for_visits(family, family.sets[0].point, share_of(family, profile.contacts))


def test_who_writes_in_order_is_heard_though_others_left_out_as_much_as_is_borne(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """And what was left out is taken as soon as it comes: nothing of the family's is lost."""
    host, guest = kept_pair(relay, clock)
    family = host.contact.lines
    for most in (60, 60, 60, 60, 60, 60, 20, 10, 5, 2, 1):
        pair = meet()
        strangers = host.contact.lines[:-1]
        lines = (*strangers, line_of(pair.host, held=True), *family)
        host.change(lambda one, lines=lines: replace(one, lines=lines))  # type: ignore[misc] # the default is the loop's
        boxes = far_ahead(pair.guest, most)
        host.store.update(lambda profile, boxes=boxes: (bring(profile, boxes), None))  # type: ignore[misc] # as above
    before = host.contact.lines
    for text in ("하나", "둘", "셋"):
        guest.write(text)
    guest.sync()
    (last,) = guest.contact.lines[0].conversation.outbox[-1:]
    host.store.update(lambda profile: (bring(profile, {last.place.id: last.box}), None))
    assert host.texts == []
    assert host.contact.lines == before
    for _ in range(2):
        host.sync()
        guest.sync()
    assert host.texts == ["하나", "둘", "셋"]


def full(person: Person) -> None:
    """Nobody has read for long."""
    unread = tuple(letter(LONGEST, reference=number) for number in range(MOST_UNREAD))
    person.change(lambda contact: replace(contact, theirs=unread, arrivals=len(unread)))


def test_a_vault_of_unread_letters_hears_what_was_read_of_ours_and_that_nobody_is_to_write(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """C7: acknowledgements and a stop do not wait until our person reads."""
    host, guest = kept_pair(relay, clock)
    for person in (guest, host):
        person.sync()
    full(host)
    host.write("unser Brief")
    for _ in range(2):
        host.sync()
        guest.sync()
        clock.now += 4000
    assert guest.texts == ["unser Brief"]
    host.sync()
    assert NoticeKind.LETTER_COLLECTED in host.kinds()
    assert len(host.contact.theirs) == MOST_UNREAD
    guest.write("wartet")

    def stop(profile: Profile) -> tuple[Profile, None]:
        what = Stop(StopWhat.DO_NOT_CONTACT)
        kept = with_letter(
            profile, NAME, "", expires_at=0, at_once=False, kind=Kind.STOP, details=what
        )
        return kept, None

    guest.store.update(stop)
    for _ in range(2):
        guest.sync()
        host.sync()
    assert host.contact.asked_to_stop
    assert [one.kind for one in host.contact.theirs[MOST_UNREAD:]] == [Kind.STOP]
    # Once, however often it is said.
    guest.store.update(stop)
    guest.sync()
    host.sync()
    assert len(host.contact.theirs) == MOST_UNREAD + 1
    host.change(lambda contact: replace(contact, theirs=()))
    host.sync()
    assert host.texts == ["wartet", ""]


@pytest.mark.parametrize("forced", [False, True])
def test_how_much_is_left_of_a_line_that_is_gone_does_not_tell_the_word(*, forced: bool) -> None:
    """B1: who forced it out of somebody sees how many letters are taken of him afterwards."""
    stays = letter("x" * 100, kind=77)
    before = tuple(replace(stays, written=(1, 0, n)) for n in range(MOST_LEFT_BEHIND))
    # As many are left of him as before; after the alarm word those before are left as well.
    his = tuple(replace(stays, forced=forced, written=(2, 0, n)) for n in range(MOST_LEFT_BEHIND))
    pointers = tuple(Pointer(b"", CLOCK, forced, line=2) for _ in range(MOST_LEFT_BEHIND))
    earlier = tuple(Pointer(b"", CLOCK, line=1) for _ in range(MOST_LEFT_BEHIND))
    contact = Contact(
        NAME,
        RELAY,
        theirs=(*before, *his) if forced else his,
        pointers=(*earlier, *pointers) if forced else pointers,
    )
    assert letters_bytes(contact) == MOST_LEFT_BEHIND * (250 + LETTER_BYTES)


def test_conversations_count_alike_after_either_word() -> None:
    family = [line_of(meet().host) for _ in range(3)]
    for alarm in (False, True):
        lines = [*family[0 if alarm else 1 :], line_of(family[0].conversation, alarm=alarm)]
        assert meetings_bytes(Contact(NAME, RELAY, lines=tuple(lines))) == 2 * LINE_BYTES


def as_often_as_it_can_be(step: Callable[[], object]) -> int:
    """Do it until there is no room, and return how often that was."""
    for done in range(1000):
        try:
            step()
        except VaultFull:
            return done
    raise AssertionError("there was always room")


def test_our_person_leaves_room_for_what_has_to_go_on(relay: SimulatedRelay, clock: Clock) -> None:
    """C7: with the last letter that fits everything is sealed, sent and acknowledged."""
    host, guest = kept_pair(relay, clock)
    kept = as_often_as_it_can_be(lambda: host.write(LONGEST[:1400]))
    assert kept > 200
    full(host)
    for _ in range(3):
        host.sync()
        guest.sync()
        clock.now += 4000
    host.sync()
    assert NoticeKind.LETTER_COLLECTED in host.kinds()
    assert content_bytes(host.store.read()) <= MAX_CONTENT_BYTES


def test_one_more_is_invited_only_where_there_is_room_for_those_that_are_there() -> None:
    contacts: list[Contact] = []

    def invite() -> None:
        contacts.append(stranger(f"{len(contacts)}", sets=1))
        check_room(contacts)

    as_often_as_it_can_be(invite)
    assert len(contacts) > 12
    pair = meet()
    lasting = tuple(
        replace(one, lines=(line_of(pair.host),), theirs=(letter(LONGEST),) * 2)
        for one in contacts[:-1]
    )
    assert content_bytes(Profile(lasting)) <= MAX_CONTENT_BYTES - 2 * VISIT_BYTES


@given(wants=st.lists(st.integers(0, 60), min_size=1, max_size=14), data=st.data())
def test_however_they_take_turns_all_have_their_part_and_together_no_more_than_there_is(
    wants: list[int], data: st.DataObject
) -> None:
    contacts = [Contact(f"{number}", RELAY) for number in range(len(wants))]
    one = letter(LONGEST)
    for _ in range(3):
        for at in data.draw(st.permutations(range(len(wants)))):
            while len(contacts[at].theirs) < wants[at] and has_room(
                contacts[at], shares(contacts)[f"{at}"]
            ):
                contacts[at] = replace(contacts[at], theirs=(*contacts[at].theirs, one))
    assert sum(map(letters_bytes, contacts)) <= MOST_TO_SHARE_BYTES * 6 // 10
    for at, want in enumerate(wants):
        reserved = shares([Contact(f"{number}", RELAY) for number in range(len(wants))])
        least = min(24, reserved[f"{at}"].letters_bytes // (2 * len(wants) * LETTER_BYTES))
        assert len(contacts[at].theirs) >= min(want, max(1, least), MOST_UNREAD)


def test_what_was_counted_last_holds_for_the_same_contacts_alone() -> None:
    few, more = (stranger("가"),), (stranger("가"), stranger("나"), stranger("다"))
    last = LastShares()
    for contacts in (few, few, more, (), more, few):
        assert last(contacts) == shares(contacts)


def test_one_alone_has_all_and_an_empty_vault_has_nobody() -> None:
    assert shares([]) == {}
    alone = stranger(NAME, sets=1)
    assert share_of(alone, []) == shares([alone])[NAME]
    share = shares([alone])[NAME]
    # Every try of a set, and all that may lie unread.
    assert share.meetings_bytes >= 20 * VISIT_BYTES
    assert share.letters_bytes == Share().letters_bytes
    assert has_room(alone, share)


@pytest.mark.parametrize("is_host", [False, True])
def test_who_is_asked_at_the_greatest_length_takes_no_more_than_is_reckoned(
    *, is_host: bool
) -> None:
    """Names, notes, addresses and questions are our person's own: nothing else bounds them."""
    asked = ("\U0001f600" * MOST_QUESTION_CHARACTERS,) * 3
    sets = tuple(replace(one, questions=asked) for one in stranger(NAME, sets=4).sets)

    def one(name: str) -> Contact:
        named = Contact(name, f"https://{'a' * 60}.{'b' * 60}.example", note="\U0001f600" * 200)
        return replace(named, sets=sets) if is_host else replace(named, questions=asked)

    contacts: list[Contact] = []

    def invite() -> None:
        contacts.append(one("\U0001f600" * 38 + f"{len(contacts):02}"))
        check_room(contacts)

    as_often_as_it_can_be(invite)
    fitting = contacts[:-1]
    profile = prepare(Profile(tuple(fitting)), fitting[0].relay, moment())[0]
    # A conversation with each, as long as one may be.
    whole = content_bytes(profile) + len(fitting) * LINE_BYTES
    assert whole <= MAX_CONTENT_BYTES - LEAST_TO_SHARE_BYTES - SLACK_BYTES


def test_forty_contacts_without_a_number_fit() -> None:
    contacts = [Contact(f"contact {number}", RELAY) for number in range(43)]
    check_room(contacts)
    with pytest.raises(VaultFull):
        check_room([*contacts, *contacts[:1]])
