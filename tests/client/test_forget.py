"""`ojak forget`: one contact is gone from here at once, and from the relay as far as can be."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from ojak_client.due_times import local_time
from ojak_client.forgetting import forget, last_requests, owed, uncollected
from ojak_client.messages import Message
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, OurQuestion, Pointer, Profile, QuestionSet, with_contact
from ojak_client.requests import Shape
from ojak_client.store import encode
from ojak_protocol import meeting_point
from ojak_protocol.addresses import mailbox_id
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.sync import SyncClass
from tests.client import timed
from tests.client.devices import Device
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    guest_of,
    host_of,
    kept_pair,
    letter,
    line_of,
    moment,
)
from tests.client.questions import new_question
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.client.sitting import sit_down
from tests.people import CLOCK, ENTROPY, inside, meet, new_point

OTHER = "오빠"
WEEK = 7 * DAY_SECONDS
GONE = "http://127.0.0.1:1"


def family(device: Device, relay: SimulatedRelay, url: str, clock: Clock) -> Person:
    """The other side of the only contact of *device*, over the same relay."""
    pair = meet()
    device.keep_contact(Contact(NAME, url, lines=(line_of(pair.host),)))
    contact = Contact(NAME, RELAY, lines=(line_of(pair.guest),))
    return Person(relay, clock, JournalStore(with_contact(Profile(), contact)))


def marked(name: str) -> Contact:
    """A contact that has something of everything, with its name in whatever a person can read."""
    sets = (QuestionSet(new_point(), (f"{name} 물음",) * 3),)
    contact = Contact(
        name,
        f"https://{'aeiou'[len(name)]}.example",
        sets=sets,
        lines=(line_of(meet().host),),
        ours=(our(1, text=f"{name} 보낸 편지"),),
        theirs=(letter(f"{name} 온 편지"),),
        note=f"{name} 적은 것",
        pointers=(Pointer(name.encode() * 9, CLOCK),),
        our_questions=(OurQuestion(new_question(text=f"{name} 물을 것")[0], CLOCK),),
    )
    return prepare(with_contact(Profile(), contact), contact.relay, moment())[0].contacts[0]


def secrets_of(contact: Contact) -> set[bytes]:
    """Every byte string and text in *contact* that is long enough to be its own."""
    found = {one.encode() if isinstance(one, str) else one for one in inside(contact)}
    return {one for one in found if isinstance(one, bytes) and len(one) >= 6}


def test_nothing_of_the_contact_is_left_and_nothing_of_another_is_touched() -> None:
    mother, brother = marked("엄마"), marked("오빠네")
    profile = Profile((mother, brother))
    for contact in profile.contacts:
        profile = prepare(profile, contact.relay, moment())[0]
    mother, brother = profile.contacts
    secrets = secrets_of(mother) - secrets_of(brother)
    assert len(secrets) > 100
    assert all(secret in encode(profile) for secret in secrets)
    left, forgotten = forget(profile, "엄마")
    assert forgotten == mother
    assert left.contacts == (brother,)
    assert [secret for secret in secrets if secret in encode(left)] == []


def test_it_is_asked_once_and_without_a_yes_nothing_is_erased(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),)))
    before = device.profile
    assert device.run("forget", NAME).said == ["needs-option"]
    with sit_down(device, "forget", NAME) as seated:
        seated.until(Message.ASK_FORGET)
        seated.type("아니요\r")
        seated.until(Message.NOT_WIPED)
        assert seated.end() == 1
    assert (device.profile, near_relay.arrived) == (before, [])


def test_somebody_who_was_only_awaited_goes_without_a_connection(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    point = meeting_point.lay(new_point(), day=0, now=CLOCK, entropy=ENTROPY)
    device.keep_contact(Contact(NAME, url, sets=(QuestionSet(point, ("하나",) * 3),)))
    ran = device.run("forget", NAME, "--yes")
    assert (ran.code, ran.said) == (0, ["forgotten"])
    assert (device.profile.contacts, near_relay.arrived) == ((), [])
    assert device.run("forget", NAME, "--yes").said == ["no-contacts"]


def test_letters_that_nobody_collected_are_deleted_at_the_relay_and_nobody_is_told(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    device.run("send", NAME, typed="편지")
    (lying,) = [out.place.id for out in device.profile.contacts[0].lines[0].conversation.outbox]
    assert near_relay.holds(lying)
    ran = device.run("forget", NAME, "--yes")
    assert (ran.code, ran.said) == (0, ["forgotten"])
    assert not near_relay.holds(lying)
    other.sync()
    assert (other.texts, other.told) == ([], [])


@pytest.mark.parametrize(("typed", "stays"), [("예", False), ("아니요", True)])
def test_whether_they_are_taken_back_is_asked(
    typed: str,
    *,
    stays: bool,
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
) -> None:
    other = family(device, near_relay, url, now_clock)
    device.run("send", NAME, typed="편지")
    with sit_down(device, "forget", NAME) as seated:
        seated.until(Message.ASK_FORGET)
        seated.type("예\r")
        seated.until(Message.ASK_TAKE_BACK)
        seated.type(typed + "\r")
        seated.until(Message.FORGOTTEN)
        assert seated.end() == 0
    assert (local_time(now_clock.now + WEEK)[:10] in seated.raw) is stays
    assert device.profile.contacts == ()
    other.sync()
    assert other.texts == (["편지"] if stays else [])


@pytest.mark.parametrize(
    "fault",
    [SimulatedRelay.loses_requests, SimulatedRelay.loses_replies, SimulatedRelay.refuses],
)
def test_where_the_relay_is_not_reached_all_is_erased_and_the_day_is_told(
    fault: Callable[[SimulatedRelay], AbstractContextManager[None]],
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
) -> None:
    family(device, near_relay, url, now_clock)
    device.run("send", NAME, typed="편지")
    with fault(near_relay):
        ran = device.run("forget", NAME, "--yes")
    assert (ran.code, ran.said) == (0, ["forgotten", "relay-not-told", "lies-until"])
    assert ran.events[-1]["when"][:10] == local_time(now_clock.now + WEEK)[:10]
    assert device.profile.contacts == ()


def test_an_address_that_cannot_be_used_does_not_keep_it_from_being_erased(device: Device) -> None:
    for address in (GONE, "http://relay.example", "nonsense"):
        contact = Contact(NAME, address, lines=(line_of(meet().guest),))
        sealed = prepare(with_contact(Profile(), contact), address, moment())[0]
        device.keep_contact(sealed.contacts[0])
        ran = device.run("forget", NAME, "--yes")
        assert (ran.code, ran.said[0]) == (0, "forgotten")
        assert device.profile == replace(device.profile, contacts=(), fillers=())


def test_what_was_read_and_is_still_to_be_deleted_is_deleted(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    host.exchange().round(Shape(room=4))
    keys = host.contact.lines[0].conversation.deletes
    assert [key for key in keys if relay.holds(mailbox_id(key))] != []
    for choice in (False, True):
        assert set(keys) <= set(owed(host.contact, take_back=choice, now=clock.now).keys)


def test_the_box_of_a_timed_letter_is_deleted_or_lies_until_nobody_looks_for_it(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _ = kept_pair(relay, clock)
    timed.writes(host)
    host.sync()
    assert uncollected(host.contact) == 1
    taken = owed(host.contact, take_back=True, now=clock.now)
    assert timed.part(host).delete_key in taken.keys
    assert taken.lies_anyway_until == 0
    left = owed(host.contact, take_back=False, now=clock.now)
    assert left.lies_anyway_until == timed.part(host).due_at + WEEK


def test_both_branches_of_a_visit_that_nobody_confirmed_are_deleted_alike(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """Else the relay would see which of the two is real."""
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    for person in (host, guest, host):
        person.sync()
    (visit,) = host.contact.sets[0].point.visits
    keys = [[out.place.delete_key for out in branch.outbox] for branch in visit.branches]
    assert len(keys[0]) == len(keys[1]) > 0
    left = owed(host.contact, take_back=True, now=clock.now)
    assert set(keys[0]) | set(keys[1]) <= set(left.keys)


def test_what_lies_at_places_of_the_number_stays_and_its_day_is_told(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.sync()
    last = max(laid.day for laid in host.contact.sets[0].point.offers)
    left = owed(host.contact, take_back=True, now=clock.now)
    assert left.lies_anyway_until == left.lies_until == (last + 2) * DAY_SECONDS
    # That is when the relay forgets it, and not before.
    held = list(relay.store._records.values())  # noqa: SLF001 - what it keeps
    assert max(record.expires_at for record in held) == left.lies_anyway_until


def test_a_relay_with_another_clock_or_a_past_day_makes_no_untrue_day(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    with relay.clock_off(400 * 365 * DAY_SECONDS):
        host.sync()
    left = owed(host.contact, take_back=True, now=clock.now)
    assert clock.now < left.lies_anyway_until <= clock.now + 17 * DAY_SECONDS
    later = max(laid.day for laid in host.contact.sets[0].point.offers) + 3
    left = owed(host.contact, take_back=True, now=later * DAY_SECONDS)
    assert left.lies_anyway_until == left.lies_until == 0


def test_the_word_of_a_copy_is_deleted_as_well() -> None:
    pair = meet()
    broken = replace(pair.host, broken=True, owes_end=True)
    broken = replace(broken, outbox=())
    contact = Contact(NAME, RELAY, lines=(line_of(broken),))
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    (word,) = contact.lines[0].conversation.farewell
    left = owed(contact, take_back=True, now=CLOCK)
    assert word.place.delete_key in left.keys
    assert left.lies_until == CLOCK + WEEK


def test_the_last_requests_look_like_any_and_look_at_nothing_of_the_contact() -> None:
    contact = replace(marked("엄마"), relay=RELAY)
    many = replace(contact, lines=contact.lines * 30)
    left = owed(many, take_back=True, now=CLOCK)
    left = replace(left, keys=left.keys * 50)
    requests = list(last_requests(left, ENTROPY))
    assert sum(len(made.deletes) for made in requests) == len(left.keys)
    assert {made.sync_class for made in requests} == {SyncClass.ONE}
    assert not any(made.deposits for made in requests)
    assert len({place for made in requests for place in made.polls}) == 32 * len(requests)


def test_c7_a_round_of_another_process_does_not_bring_a_forgotten_contact_back(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()

    def forgets() -> None:
        host.store.update(lambda profile: forget(profile, NAME))

    exchange = host.exchange()
    relay._after = forgets  # noqa: SLF001 - between the request and what is made of its reply
    exchange.round(Shape(room=4))
    assert host.store.read().contacts == ()
