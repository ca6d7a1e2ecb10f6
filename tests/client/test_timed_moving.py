"""Timed letters of a contact that goes to another relay: laid at the new one, deleted at both."""

from dataclasses import replace

from ojak_client.apply import apply
from ojak_client.moving import begin_move, move
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Part, Profile, with_contact
from ojak_client.requests import Shape, make_request
from ojak_client.taking_back import take_back
from ojak_client.timed_parts import with_timed_letter
from ojak_client.timed_pointers import keep_pointer
from ojak_protocol.addresses import DeleteKey, mailbox_id
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import pack_timed, seal_parts
from ojak_protocol.sync import SyncRequest
from tests.client.persons import NAME, RELAY, line_of, moment
from tests.client.replies import reply
from tests.people import CLOCK, ENTROPY, meet

NEXT = "https://next.example"
DAY = 86_400


def writing() -> Contact:
    """Somebody whose timed letter lies at the relay."""
    profile = with_contact(Profile(), Contact(NAME, RELAY))
    timed = with_timed_letter(profile, NAME, "편지", due_at=CLOCK + DAY, now=CLOCK, entropy=ENTROPY)
    assert timed is not None
    contact = timed.contacts[0]
    return replace(contact, parts=(replace(contact.parts[0], deposited_at=CLOCK),))


def part(contact: Contact) -> Part:
    (one,) = contact.parts
    return one


def asked(contact: Contact, relay: str, now: int = CLOCK) -> tuple[Profile, SyncRequest]:
    profile, _ = prepare(with_contact(Profile(), contact), relay, moment(now))
    return profile, make_request(profile, relay, moment(now), turn=0, shape=Shape(room=16))


def named_at(contact: Contact, relay: str) -> tuple[DeleteKey, ...]:
    return asked(contact, relay)[1].deletes


def test_a_timed_letter_is_laid_again_at_the_relay_to_which_its_writer_goes() -> None:
    contact = writing()
    assert asked(contact, RELAY)[1].deposits == ()
    moved = move(begin_move(contact, NEXT, reference=9, now=CLOCK), NEXT, now=CLOCK)
    assert [one.box for one in asked(moved, NEXT)[1].deposits] == [part(contact).box]
    assert asked(moved, RELAY)[1].deposits == ()


def test_a_timed_letter_taken_back_after_the_move_is_deleted_at_both_relays() -> None:
    contact = writing()
    key = part(contact).delete_key
    contact = move(contact, NEXT, now=CLOCK)
    contact = take_back(contact, contact.ours[0].reference)
    profile, request = asked(contact, NEXT)
    assert key in request.deletes
    profile, _ = apply(profile, NEXT, request, reply(request), moment())
    (contact,) = profile.contacts
    assert key not in named_at(contact, NEXT)
    profile, request = asked(contact, RELAY)
    assert key in request.deletes
    profile, _ = apply(profile, RELAY, request, reply(request), moment())
    assert profile.contacts[0].part_deletes == ()


def test_what_is_owed_to_a_relay_that_is_no_longer_looked_at_is_forgotten() -> None:
    contact = move(writing(), NEXT, now=CLOCK)
    contact = take_back(contact, contact.ours[0].reference)
    late = asked(contact, NEXT, contact.also_until)[0].contacts[0]
    assert {one.relay for one in late.part_deletes} == {NEXT}


def test_a_letter_that_is_due_is_looked_for_and_taken_at_both_relays() -> None:
    parcel = pack_timed("편지".encode(), due_at=CLOCK + 60, now=CLOCK, entropy=ENTROPY)
    (sealed,) = seal_parts(parcel, "편지".encode(), entropy=ENTROPY)
    contact, _ = keep_pointer(
        Contact(NAME, RELAY),
        Body(Kind.PARCEL, details=parcel),
        moment(),
        through=line_of(meet().host),
    )
    contact = move(contact, NEXT, now=CLOCK)
    place = mailbox_id(sealed.delete_key)
    for relay in (RELAY, NEXT):
        profile, request = asked(contact, relay, CLOCK + 60)
        assert place in request.polls
        answer = reply(request, boxes={place: sealed.box})
        after, _ = apply(profile, relay, request, answer, moment(CLOCK + 60))
        assert [one.text for one in after.contacts[0].theirs] == ["편지"]
        assert {one.relay for one in after.contacts[0].part_deletes} == {RELAY, NEXT}
