"""Several people in one vault: each letter for its reader, and a turn for every place."""

from dataclasses import dataclass, replace
from functools import cache, partial

import pytest

from ojak_client.forgetting import forget
from ojak_client.notices import NoticeKind
from ojak_client.our_letters import with_letter
from ojak_client.prepare import prepare
from ojak_client.profile import (
    Contact,
    LetterState,
    Profile,
    QuestionSet,
    Visiting,
    find,
    with_contact,
)
from ojak_client.requests import PLACES_A_LINE, Shape, make_request
from ojak_client.taking_back import take_back
from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_of_protocol
from ojak_protocol import meeting_point
from ojak_protocol.addresses import MailboxId
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from ojak_protocol.stretch import Seed
from tests.client.devices import Device
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    line_of,
    moment,
    new_person,
)
from tests.client.questions import RECEIPTS_GO_SECONDS
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, DAY, meet

MOTHER, BROTHER, AUNT = "엄마", "오빠", "이모"
AGAIN = "엄마 둘째 전화"
"""The same person, invited twice."""
EVERYBODY = (MOTHER, BROTHER, AUNT, AGAIN)


@dataclass
class Family:
    """One vault at the middle, and each of the others with a device of their own."""

    middle: Person
    others: dict[str, Person]

    def write(self, person: Person, name: str, text: str) -> int:
        expires_at = person.clock.now + 30 * 86_400

        def change(profile: Profile) -> tuple[Profile, int]:
            changed = with_letter(profile, name, text, expires_at=expires_at, at_once=True)
            return changed, changed.references

        return person.store.update(change)

    def sync(self, rounds: int = 3, *, apart_seconds: int = RECEIPTS_GO_SECONDS) -> None:
        """Everybody syncs, again and again, as a rule far enough apart for receipts to go."""
        for _ in range(rounds):
            self.middle.clock.now += apart_seconds
            for person in (self.middle, *self.others.values()):
                person.sync()

    def contact(self, name: str) -> Contact:
        contact = find(self.middle.store.read(), name)
        assert contact is not None
        return contact

    def texts_at(self, name: str) -> list[str]:
        return [letter.text for letter in self.others[name].contact.theirs]

    def texts_from(self, name: str) -> list[str]:
        return [letter.text for letter in self.contact(name).theirs]


@pytest.fixture(params=["host", "guest"])
def family(request: pytest.FixtureRequest, relay: SimulatedRelay, clock: Clock) -> Family:
    """Four conversations in one vault: one host with several guests, or the other way round."""
    contacts, others = [], {}
    for name in EVERYBODY:
        pair = meet()
        ours, theirs = pair.host, pair.guest
        if request.param == "guest":
            ours, theirs = theirs, ours
        contacts.append(Contact(name, RELAY, lines=(line_of(ours),)))
        contact = Contact(NAME, RELAY, lines=(line_of(theirs),))
        others[name] = Person(relay, clock, JournalStore(Profile((contact,))))
    middle = Person(relay, clock, JournalStore(Profile(tuple(contacts))))
    made = Family(middle, others)
    made.sync()
    return made


def test_letters_reach_only_whom_they_are_for_in_both_directions(family: Family) -> None:
    for name in EVERYBODY:
        for n in (1, 2):
            family.write(family.middle, name, f"{name}에게 {n}")
        family.write(family.others[name], NAME, f"{name}의 편지")
    family.sync(6)
    for name in EVERYBODY:
        assert family.texts_at(name) == [f"{name}에게 1", f"{name}에게 2"]
        assert family.texts_from(name) == [f"{name}의 편지"]
        states = [one.state for one in family.contact(name).ours]
        assert states == [LetterState.COLLECTED] * 2
    assert {notice.contact for notice in family.middle.told} <= set(EVERYBODY)


def test_a_letter_to_one_asked_back_leaves_those_to_the_others(family: Family) -> None:
    references = {name: family.write(family.middle, name, f"{name}에게") for name in EVERYBODY}
    family.middle.sync()

    def asked_back(profile: Profile) -> tuple[Profile, None]:
        mother = find(profile, MOTHER)
        assert mother is not None
        return with_contact(profile, take_back(mother, references[MOTHER])), None

    family.middle.store.update(asked_back)
    family.sync(4)
    assert family.texts_at(MOTHER) == []
    for name in (BROTHER, AUNT, AGAIN):
        assert family.texts_at(name) == [f"{name}에게"]


def test_one_who_is_forgotten_leaves_the_conversations_with_the_others(family: Family) -> None:
    for name in EVERYBODY:
        family.write(family.middle, name, f"{name}에게")
    family.middle.sync()
    family.middle.store.update(partial(forget, name=MOTHER))
    family.write(family.others[MOTHER], NAME, "잊힌 사람의 편지")
    family.write(family.others[BROTHER], NAME, "오빠의 편지")
    family.sync(6)
    assert [one.name for one in family.middle.store.read().contacts] == [BROTHER, AUNT, AGAIN]
    for name in (BROTHER, AUNT, AGAIN):
        assert family.texts_at(name) == [f"{name}에게"]
        assert family.contact(name).ours[0].state is LetterState.COLLECTED
    assert family.texts_from(BROTHER) == ["오빠의 편지"]
    # The one who was forgotten is told nothing.
    assert NoticeKind.LETTER_TAKEN_BACK not in family.others[MOTHER].kinds()


def test_status_and_contacts_tell_each_apart(family: Family, device: Device) -> None:
    family.write(family.middle, MOTHER, "하나")
    family.write(family.middle, MOTHER, "둘")
    family.write(family.middle, BROTHER, "셋")
    family.sync(4)
    family.write(family.middle, AUNT, "넷")
    device.keep_contact(Contact(NAME, RELAY))
    with device.store() as store:
        store.update(lambda _: (family.middle.store.read(), None))
    ran = device.run("status")
    arrived = {one["name"]: one["n"] for one in ran.of("status-collected")}
    unsent = {one["name"]: one["n"] for one in ran.of("status-unsent")}
    assert arrived == {MOTHER: 2, BROTHER: 1, AUNT: 0, AGAIN: 0}
    assert unsent == {MOTHER: 0, BROTHER: 0, AUNT: 1, AGAIN: 0}
    assert {one["name"] for one in device.run("contacts").of("contact-met")} == set(EVERYBODY)


def number_of(n: int) -> MeetingPoint:
    """A number with answers of its own."""
    return MeetingPoint(
        Number(f"{n:012d}"), Seed(bytes([n]) * 32), 1, bytes([n, n]) * 16, None, bits=30
    )


def test_several_guests_come_to_several_numbers_of_one_host_in_any_order(
    relay: SimulatedRelay, clock: Clock
) -> None:
    contacts = tuple(
        Contact(name, RELAY, sets=(QuestionSet(number_of(n), ()),))
        for n, name in enumerate(EVERYBODY, 1)
    )
    host = Person(relay, clock, JournalStore(Profile(contacts)))
    guests = {}
    for n, name in enumerate(EVERYBODY, 1):
        point = number_of(n)
        visiting = Visiting(point.seed, point.right, 1, look_seconds=3600, keeps=True)
        contact = Contact(NAME, RELAY, visiting=visiting)
        guests[name] = Person(relay, clock, JournalStore(Profile((contact,))))
    family = Family(host, guests)
    for name in EVERYBODY:
        family.write(host, name, f"{name}에게")
    host.sync()
    for name in reversed(EVERYBODY):
        guests[name].sync()
    family.sync(6, apart_seconds=1)
    confirmed = [one.contact for one in host.told if one.kind is NoticeKind.GUEST_CONFIRMED]
    assert sorted(confirmed) == sorted(EVERYBODY)
    for name in EVERYBODY:
        assert family.texts_at(name) == [f"{name}에게"]
        assert family.contact(name).sets[0].point.unconfirmed == 0


@cache
def crowd(count: int, numbers: int) -> Profile:
    """So many contacts, all met, some of them still at a number."""
    day = DAY
    contacts = []
    for n in range(count):
        sets: tuple[QuestionSet, ...] = ()
        if n < numbers:
            point = meeting_point.lay(number_of(n + 1), day=day, now=CLOCK, entropy=bytes)
            sets = (QuestionSet(point, ()),)
        contacts.append(Contact(f"{n}", RELAY, sets=sets, lines=(line_of(meet().host),)))
    return prepare(Profile(tuple(contacts)), RELAY, moment())[0]


def wanted(profile: Profile) -> set[MailboxId]:
    """Where the next letter of each conversation and the next answer at each number will lie."""
    places: set[MailboxId] = set()
    for contact in profile.contacts:
        for line in contact.lines:
            near = talk.places(line.conversation, most=PLACES_A_LINE, turn=0)
            places |= set(near[: PLACES_A_LINE - 1])
        for one in contact.sets:
            places |= set(meeting_point.answer_places(one.point, day=DAY, older=False))
    return places


def polled(profile: Profile, turn: int) -> set[MailboxId]:
    made = make_request(profile, RELAY, moment(), turn=turn, shape=Shape())
    return set(made.polls)


def starved(profile: Profile, *, start: int, rounds: int) -> set[MailboxId]:
    """What nobody looked at in so many rounds that follow each other."""
    seen = set().union(*(polled(profile, start + turn) for turn in range(rounds)))
    return wanted(profile) - seen


@pytest.mark.parametrize(("count", "numbers", "rounds"), [(5, 0, 1), (12, 2, 5), (50, 3, 22)])
@pytest.mark.parametrize("start", [0, 7, 65_535])
def test_however_many_there_are_every_place_has_its_turn(
    count: int, numbers: int, rounds: int, start: int
) -> None:
    """32 places a request: with 50 contacts each is looked at within ten minutes of `keep`."""
    profile = crowd(count, numbers)
    assert starved(profile, start=start, rounds=rounds) == set()


@pytest.mark.parametrize("count", [6, 18, 24])
def test_c11_every_place_where_a_copy_shows_has_its_turn_in_a_full_request(count: int) -> None:
    """Else their turns among each other could keep step with those among all places."""
    profile = crowd(count, 0)
    watched = {
        place
        for contact in profile.contacts
        for line in contact.lines
        for place in talk.watched(
            line.conversation, range(talk.count_watched(line.conversation))
        ).values()
    }
    assert len(watched) > count
    seen = set().union(*(polled(profile, turn) for turn in range(700)))
    assert watched <= seen


def test_the_place_that_moves_on_waits_until_all_others_had_their_turn() -> None:
    """Else the two turns could keep step: of thirty people most far places were never looked at."""
    profile = crowd(20, 0)
    rounds = 7
    for step in (0, 1, 5, 9_362):
        seen = set().union(*(polled(profile, step * rounds + n) for n in range(rounds)))
        for contact in profile.contacts:
            for line in contact.lines:
                places = talk.places(line.conversation, most=PLACES_A_LINE, turn=step)
                assert set(places) <= seen


def test_a_request_that_always_asked_for_the_first_would_starve_the_others() -> None:
    """The checker fails on what it is there for."""
    profile = crowd(50, 3)
    stuck = polled(profile, 0)
    assert len(wanted(profile) - stuck) > 150
    assert starved(profile, start=0, rounds=1)


def test_a_letter_of_the_last_of_many_arrives(relay: SimulatedRelay, clock: Clock) -> None:
    pair = meet()
    profile = crowd(20, 0)
    last = replace(profile.contacts[-1], lines=(line_of(pair.host),))
    middle = Person(relay, clock, JournalStore(with_contact(profile, last)))
    other = Person(
        relay, clock, JournalStore(Profile((Contact(NAME, RELAY, lines=(line_of(pair.guest),)),)))
    )
    other.write("마지막 사람의 편지")
    other.sync()
    exchange = middle.exchange()
    for _ in range(10):
        exchange.round(Shape(room=1))
    found = find(middle.store.read(), last.name)
    assert found is not None
    assert [letter.text for letter in found.theirs] == ["마지막 사람의 편지"]


@pytest.mark.parametrize("answering", [False, True])
def test_a_visit_is_looked_at_in_every_request_however_many_others_there_are(
    relay: SimulatedRelay, *, answering: bool
) -> None:
    """Its person sits before the screen for a minute; a request may be held for half of it."""
    point = number_of(7)
    visiting = Visiting(point.seed, point.right, 1, look_seconds=3600, keeps=True)
    if answering:
        host = JournalStore(Profile((Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)),)))
        Person(relay, Clock(), host).sync()
        guest = new_person(relay, Contact(NAME, RELAY, visiting=visiting))
        guest.exchange().round(Shape(guest=True, room=1))
        assert guest.contact.visiting is not None
        visiting = guest.contact.visiting
        assert visiting.attempt is not None
        places = set(guest_of_protocol.places(visiting.attempt))
    else:
        places = set(guest_of_protocol.offer_places(point.seed, 1, DAY))
    contact = Contact("new", RELAY, visiting=visiting)
    profile = with_contact(crowd(40, 3), contact)
    for turn in (0, 1, 7, 65_535):
        assert places <= polled(profile, turn)
