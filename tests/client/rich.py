"""A profile in which every sort of state occurs, and the markers planted in it."""

from dataclasses import replace

from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Profile, QuestionSet, Role, with_contact
from tests.client.persons import RELAY, Clock, Person, guest_of, host_of, kept_pair, moment
from tests.client.questions import put, read, reply
from tests.client.simulated_relay import SimulatedRelay
from tests.client.timed import DAY, writes
from tests.people import ALARM, WRONG

MARKERS = tuple(f"표적 {number} 할머니의 편지" for number in range(20))
"""Texts, names and questions of `rich`; markers 0 to 9 are waiting letters, 10 to 15 unread."""
HOST, GUEST = "한끝", "다른끝"
"""The two ends of one conversation, as contacts."""


def rich() -> Profile:
    """Return contacts with sets, visits, lines, timed letters, questions and many letters."""
    clock = Clock()
    persons = {
        **_family(clock),
        **_visits(clock),
        **_timed(clock),
        **_asking(clock),
        "옮긴 기기": _copied(clock),
    }
    profile = Profile(references=1000)
    for name, person in persons.items():
        contact = replace(person.contact, name=name)
        if contact.sets:
            sets = tuple(QuestionSet(one.point, (MARKERS[16], MARKERS[17])) for one in contact.sets)
            contact = replace(contact, sets=sets)
        profile = with_contact(profile, contact)
    profile = with_contact(profile, Contact(MARKERS[18], RELAY, questions=(MARKERS[19],)))
    return prepare(profile, RELAY, moment())[0]


def _family(clock: Clock) -> dict[str, Person]:
    """Two who met and keep what they know; each has letters of the other unread, and some wait."""
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    for person in (guest, host, guest, host):
        person.sync()
    for number in range(10, 13):
        host.write(MARKERS[number])
        guest.write(MARKERS[number + 3])
    for person in (host, guest, host, guest):
        person.sync()
    for number in range(5):
        host.write(MARKERS[number])
        guest.write(MARKERS[number + 5])
    # Sealed, and never acknowledged.
    host.sync()
    host.write("서리", role=Role.COUNTERPART)
    host.write("안개", role=Role.FORCED)
    return {HOST: host, GUEST: guest}


def _visits(clock: Clock) -> dict[str, Person]:
    """A host at whose number wrong and right answers came, a guest confirmed and one who is not."""
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock, alarm=ALARM), guest_of(relay, clock)
    wrong = guest_of(relay, clock, typed=WRONG)
    host.write("눈")
    for person in (host, wrong, guest, host, guest, host):
        person.sync()
    leaving = guest_of(relay, clock, typed=WRONG)
    leaving.change(
        lambda contact: replace(
            contact,
            visiting=replace(contact.visiting, leaves_letter=True) if contact.visiting else None,
        )
    )
    leaving.write("비")
    leaving.sync()
    return {"주인": host, "손님": guest, "틀린 손님": wrong, "남긴 손님": leaving}


def _timed(clock: Clock) -> dict[str, Person]:
    """A writer of a timed letter, and a reader who forgets and left the pointer where it lay."""
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    writes(host, after=3 * DAY)
    host.sync()
    guest = guest_of(relay, clock, keeps=False)
    for person in (guest, host, guest, host, guest):
        person.sync()
    return {"나중": host, "잊는 손님": guest}


def _asking(clock: Clock) -> dict[str, Person]:
    """One who asked, and one who has answered and has a further question open."""
    relay = SimulatedRelay(clock)
    asker, replier = kept_pair(relay, clock)
    put(asker)
    for person in (replier, asker, replier):
        person.sync()
    read(replier)
    reply(replier)
    put(asker)
    for person in (asker, replier):
        person.sync()
    read(replier)
    return {"묻는 이": asker, "답하는 이": replier}


def _copied(clock: Clock) -> Person:
    """One whose device met a copy of itself: the word of it is still to be sent."""
    person, _ = kept_pair(SimulatedRelay(clock), clock)
    person.change(
        lambda contact: replace(
            contact,
            lines=tuple(
                replace(line, conversation=replace(line.conversation, broken=True, owes_end=True))
                for line in contact.lines
            ),
        )
    )
    return person
