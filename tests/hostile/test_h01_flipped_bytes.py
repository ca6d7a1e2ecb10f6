"""H1: a relay changes one byte of a box: it is refused, nothing changes, the honest box opens.

Every one of the 4000 bytes of each sort of box. Two sorts are refused in a way of their own:

- an answer that does not open takes its run, because nothing else can come to lie there; it is no
  guess, and nothing is counted;
- a "seen" box says nothing and nobody authenticates it: any bytes at its place say the same.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from ojak_client.apply import apply
from ojak_client.exchange import Exchange
from ojak_client.notices import Notice, NoticeKind
from ojak_client.profile import Contact, Profile, Visiting, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import run_errands
from ojak_client.store import encode, vault_path
from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol import parcels, visits
from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.box import SEALED_HEADER_BYTES
from ojak_protocol.conversation import LETTER_TTL_SECONDS, UNREADABLE, Conversation
from ojak_protocol.details import ParcelWhat
from ojak_protocol.errors import Unopenable
from ojak_protocol.offers import offer_box
from tests.client.devices import Device
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    guest_of,
    host_of,
    kept_pair,
    line_of,
    moment,
)
from tests.client.replies import asked, reply
from tests.hostile.relays import HostileRelay, flipped
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    GREETING,
    KEM,
    NOW,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    collected,
    come,
    confirm,
    contested,
    forged,
    heard,
    look,
    meet,
    new_point,
    newest,
    receipt,
    said,
    take,
)

Lying = tuple[MailboxId, bytes]
EVERY_BYTE: Final = range(BOX_BYTES)
EDGES: Final = {23, 24, 2351, 2352, 2375, 2376, 3983, 3984, 3999}
MANY_BYTES: Final = sorted({*range(0, BOX_BYTES, 7), *EDGES})
"""Where the box is one of a conversation like those above, and only who opens it differs."""


def letter() -> tuple[Conversation, Lying]:
    pair = meet()
    return pair.host, newest(said(pair.guest, "one"))


def letter_of_a_new_chain() -> tuple[Conversation, Lying]:
    pair = meet()
    guest = said(pair.guest, "one")
    host, _ = collected(pair.host, guest)
    return guest, newest(said(host, "two"))


def letter_behind_a_gap() -> tuple[Conversation, Lying]:
    pair = meet()
    guest = said(pair.guest, "one", "two")
    return pair.host, newest(guest)


def letter_that_fills_a_gap() -> tuple[Conversation, Lying]:
    pair = meet()
    first = said(pair.guest, "one")
    host, _ = heard(pair.host, *newest(said(first, "two")))
    return host, newest(first)


def withdrawn_form() -> tuple[Conversation, Lying]:
    pair = meet()
    guest = talk.expire(said(pair.guest, "one", expires_at=NOW), now=NOW)
    return pair.host, newest(guest)


def receipt_alone() -> tuple[Conversation, Lying]:
    pair = meet()
    return pair.host, newest(receipt(pair.guest))


def end() -> tuple[Conversation, Lying]:
    pair = meet()
    broken = replace(pair.guest, broken=True, owes_end=True)
    farewell = talk.end(broken, entropy=ENTROPY, kem=KEM).farewell[0]
    return pair.host, (farewell.place.id, farewell.box)


CONVERSATION: Final[dict[str, Callable[[], tuple[Conversation, Lying]]]] = {
    "letter": letter,
    "letter of a new chain": letter_of_a_new_chain,
    "letter behind a gap": letter_behind_a_gap,
    "letter that fills a gap": letter_that_fills_a_gap,
    "withdrawn form": withdrawn_form,
    "receipt": receipt_alone,
    "end": end,
}
WHOLE: Final = {"letter", "letter of a new chain", "letter that fills a gap", "end"}
"""Those of which every byte is flipped; the others are opened on the same ways."""


@pytest.mark.parametrize("sort", CONVERSATION)
def test_h1_a_flipped_byte_of_a_box_of_a_conversation_leaves_the_state_as_it_was(sort: str) -> None:
    reader, (place, box) = CONVERSATION[sort]()
    for position in EVERY_BYTE if sort in WHOLE else MANY_BYTES:
        after, events = heard(reader, place, flipped(box, position))
        # The very same value: nothing of it was even made anew.
        assert after is reader, position
        assert events == (), position
    after, events = heard(reader, place, box)
    assert after != reader
    assert events


def test_h1_a_flipped_byte_at_a_place_of_ours_is_no_copy_and_is_written_over() -> None:
    writer = said(meet().guest, "one")
    place, box = newest(writer)
    looking = contested(writer)
    for position in EVERY_BYTE:
        after, events = heard(looking, place, flipped(box, position))
        assert events == (), position
        assert not after.broken, position
        assert talk.due(after, now=NOW)[-1].replaces, position
    assert heard(looking, place, box) == (writer, ())


def test_h1_a_flipped_byte_of_the_hosts_first_box_confirms_nobody() -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    _, visit = take(point, attempt)
    place, box = newest(visit.branches[visit.coin])
    for position in MANY_BYTES:
        assert guest_.confirm(attempt, place, flipped(box, position), kem=KEM) is None, position
    assert guest_.confirm(attempt, place, box, kem=KEM) is not None


def test_h1_a_flipped_byte_of_the_guests_first_box_confirms_nobody() -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    point, visit = take(point, attempt)
    found = look(attempt, boxes_of(*visit.branches))
    assert found is not None
    guest = receipt(found[0])
    place, box = newest(guest)
    for position in MANY_BYTES:
        assert point_.confirm(point, place, flipped(box, position), kem=KEM) is None, position
    assert confirm(point, boxes_of(guest)) is not None


@pytest.mark.parametrize("index", [0, 1])
def test_h1_a_flipped_byte_of_a_part_of_a_parcel_is_refused(index: int) -> None:
    content = os.urandom(5000)
    parcel = parcels.pack(content, ParcelWhat.PHOTO, entropy=ENTROPY)
    boxes = [part.box for part in parcels.seal_parts(parcel, content, entropy=ENTROPY)]
    for position in EVERY_BYTE:
        with pytest.raises(Unopenable):
            parcels.open_part(parcel, index, flipped(boxes[index], position))
    opened = {at: parcels.open_part(parcel, at, box) for at, box in enumerate(boxes)}
    assert parcels.join(parcel, opened) == content


def test_h1_a_flipped_byte_of_a_timed_letter_is_refused() -> None:
    parcel = parcels.pack_timed(b"letter", due_at=NOW + 9, now=NOW, entropy=ENTROPY)
    (part,) = parcels.seal_parts(parcel, b"letter", entropy=ENTROPY)
    for position in EVERY_BYTE:
        with pytest.raises(Unopenable):
            parcels.open_part(parcel, 0, flipped(part.box, position))
    assert parcels.join(parcel, {0: parcels.open_part(parcel, 0, part.box)}) == b"letter"


def lying_offer() -> Lying:
    laid = next(laid for laid in new_point().offers if laid.day == DAY)
    return guest_.offer_places(SEED, 1, DAY)[2], offer_box(SEED, laid, kem=KEM)


def test_h1_a_flipped_byte_of_an_offer_leaves_the_guest_looking() -> None:
    place, box = lying_offer()
    visiting = Visiting(SEED, RIGHT, 1, 60, keeps=False)
    profile, request = asked(with_contact(Profile(), Contact(NAME, RELAY, visiting=visiting)))
    before = encode(profile)

    def applied(lying: bytes) -> tuple[Profile, tuple[Notice, ...]]:
        answer = reply(request, boxes={place: lying})
        return apply(profile, RELAY, request, answer, moment())

    for position in EVERY_BYTE:
        after, notices = applied(flipped(box, position))
        assert after == profile, position
        assert notices == (), position
    assert encode(profile) == before
    assert [notice.kind for notice in applied(box)[1]] == [NoticeKind.OFFER_FOUND]


def test_h1_a_flipped_byte_of_an_answer_is_no_answer() -> None:
    point = new_point()
    attempt = come(point, RIGHT)
    at = point_.answer_places(point, day=DAY, older=False)[attempt.place]
    for position in EVERY_BYTE:
        with pytest.raises(Unopenable):
            visits.read_answer(at, flipped(attempt.box, position), entropy=ENTROPY, kem=KEM)
    assert visits.read_answer(at, attempt.box, entropy=ENTROPY, kem=KEM) == attempt.answer


@pytest.mark.parametrize("position", [0, 23, 24, 26, 58, 2434, 3999])
def test_h1_a_flipped_answer_counts_nothing_and_the_next_guest_is_met(position: int) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    at = point_.answer_places(point, day=DAY, older=False)[attempt.place]
    after = point_.take(
        point,
        at,
        flipped(attempt.box, position),
        letters=(GREETING,),
        relay_clock=CLOCK,
        now=CLOCK,
        entropy=ENTROPY,
        kem=KEM,
    )
    assert (after.counted, after.unconfirmed, after.visits) == (0, 0, ())
    again = come(after, RIGHT)
    _, visit = take(after, again)
    assert look(again, boxes_of(*visit.branches)) is not None


def test_h1_a_relay_that_shows_noise_everywhere_kills_no_set(
    relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.sync()
    with relay.shows_noise():
        for _ in range(30):
            host.exchange().round(Shape(room=16))
    point = host.contact.sets[0].point
    assert (point.counted, point.unconfirmed) == (0, 0)
    assert host.kinds().count(NoticeKind.NUMBER_DISTURBED) == 1
    assert NoticeKind.NUMBER_OCCUPIED not in host.kinds()
    assert NoticeKind.GUEST_CAME not in host.kinds()


def test_h1_a_flipped_byte_leaves_the_profile_as_it_was_and_tells_of_damage_at_most(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    with relay.finds_nothing():
        host.sync()
    place, box = newest(guest.contact.lines[0].conversation)
    profile, request = asked(host.store.read())
    before = encode(profile)
    for position in MANY_BYTES:
        answer = reply(request, boxes={place: flipped(box, position)})
        after, notices = apply(profile, RELAY, request, answer, moment())
        # Equal is what makes the store write nothing.
        assert after == profile, position
        # Behind a header that is whole, damage is told; who could not seal one is not heard.
        damaged = (Notice(NoticeKind.BOX_SHUT, NAME),)
        assert notices == (damaged if position >= SEALED_HEADER_BYTES else ()), position
    assert encode(profile) == before
    host.sync()
    assert host.texts == ["편지"]


def test_h1_flipped_bytes_leave_the_vault_on_disk_as_it_was_and_the_honest_letter_is_kept(
    device: Device, relay: HostileRelay, clock: Clock
) -> None:
    pair = meet()
    device.keep_contact(Contact(NAME, RELAY, lines=(line_of(pair.host),)))
    for place, box in boxes_of(said(pair.guest, "편지")).items():
        relay.put(MailboxId(place), box)
    vault = vault_path(device.folder)
    told: list[Notice] = []
    with device.store() as store:
        exchange = Exchange(store, RELAY, relay.connection, told.extend, clock)
        with relay.finds_nothing():
            run_errands(exchange)
        before = digest(vault)
        for position in (*range(0, BOX_BYTES, 97), *EDGES):
            with relay.changes(partial(flipped, position=position)):
                # A guest passes over nothing that stays where it is.
                assert not exchange.round(Shape(room=4, guest=True)).moved
        assert digest(vault) == before
        assert told == [Notice(NoticeKind.BOX_SHUT, NAME)], "once in one run"
        run_errands(exchange)
    assert [letter.text for letter in device.profile.contacts[0].theirs] == ["편지"]
    assert digest(vault) != before


def test_h1_a_relay_that_shows_us_our_own_letter_damaged_ends_no_conversation(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    clock.now += LETTER_TTL_SECONDS // 3
    with relay.occupied():
        guest.exchange().round(Shape())
    # Now the guest looks what lies at its own place.
    with relay.changes(partial(flipped, position=BOX_BYTES - 1)):
        guest.exchange().round(Shape(room=16))
    assert guest.kinds() == []
    for person in (guest, host):
        person.sync()
    assert host.texts == ["편지"]


def test_h1_damaged_is_said_only_of_what_the_other_side_itself_sealed_wrongly(
    device: Device, near_relay: HostileRelay, url: str
) -> None:
    pair = meet()
    device.keep_contact(Contact(NAME, url, lines=(line_of(pair.host),)))
    place, box = forged(pair.guest, lambda header: header)
    near_relay.put(place, box)
    with near_relay.changes(partial(flipped, position=2400)):
        device.run("sync")
        assert device.run("read", "--to-stdout").said == ["nothing"]
    device.run("sync")
    assert [one.kind for one in device.profile.contacts[0].theirs] == [UNREADABLE]
    assert device.run("read", "--to-stdout").said == ["damaged"]


def test_h1_a_seen_box_says_the_same_whatever_stands_in_it(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock, typed=WRONG)
    host.write("편지")
    host.sync()
    guest.sync()
    host.sync()
    with relay.changes(lambda _: os.urandom(BOX_BYTES)):
        guest.sync()
    assert guest.kinds().count(NoticeKind.ANSWER_SEEN) == 1
    assert NoticeKind.HOST_CONFIRMED not in guest.kinds()
    assert guest.contact.lines == ()


def digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
