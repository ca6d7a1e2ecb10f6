"""What is kept of somebody's letters does not tell which word was typed."""

from dataclasses import replace

import pytest

from ojak_client.old_lines import KEPT_VISITS
from ojak_client.profile import Contact
from ojak_protocol import conversation as talk
from ojak_protocol.letters import Body
from tests.client.persons import Clock, Person, guest_of, host_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, ENTROPY, KEM, RIGHT

LATER_VERSION = 77


def visits(host: Person, typed: bytes, *, keeps: bool) -> Person:
    guest = guest_of(host.relay, host.clock, typed=typed, keeps=keeps)
    guest.write("von drinnen")
    for _ in range(4):
        host.sync()
        guest.sync()
        host.clock.now += 5
    return guest


def sends(guest: Person, host: Person, count: int) -> int:
    """Letters of a later version go out; return how many of them still lie at the relay."""

    def more(contact: Contact) -> Contact:
        (line,) = contact.lines
        state = line.conversation
        for _ in range(count):
            state = talk.write(state, Body(LATER_VERSION), reference=0, entropy=ENTROPY, kem=KEM)
        return replace(contact, lines=(replace(line, conversation=state),))

    guest.change(more)
    places = [out.place.id for out in guest.contact.lines[0].conversation.outbox]
    guest.sync()
    for _ in range(4):
        host.sync()
        host.clock.now += 5
    return sum(guest.relay.holds(place) for place in places)


@pytest.mark.parametrize("keeps", [False, True])
def test_b5_what_is_left_at_the_relay_does_not_tell_the_word_of_one_visit(*, keeps: bool) -> None:
    """Whoever forced the word out writes letters that no reading clears, and looks what is left."""
    left = {}
    for typed in (RIGHT, ALARM):
        clock = Clock()
        host = host_of(SimulatedRelay(clock), clock, alarm=ALARM)
        left[typed] = sends(visits(host, typed, keeps=keeps), host, 12)
    assert left[RIGHT] == left[ALARM]


def test_b5_what_is_left_of_a_second_visit_does_not_tell_the_word_of_the_first() -> None:
    """He comes once more, with the answers that he saw."""
    left = {}
    for typed in (RIGHT, ALARM):
        clock = Clock()
        host = host_of(SimulatedRelay(clock), clock, alarm=ALARM)
        sends(visits(host, typed, keeps=False), host, 8)
        left[typed] = sends(visits(host, typed, keeps=False), host, 4)
    assert left[RIGHT] == left[ALARM]


def test_b5_who_comes_again_and_again_does_not_see_at_which_visit_the_alarm_word_was_typed() -> (
    None
):
    """The line of the first stays or goes after either word."""
    stays = {}
    for typed in (RIGHT, ALARM):
        clock = Clock()
        host = host_of(SimulatedRelay(clock), clock, alarm=ALARM)
        visits(host, typed, keeps=False)
        first = host.contact.lines[0].number
        for _ in range(KEPT_VISITS):
            visits(host, typed, keeps=False)
        host.sync()
        stays[typed] = first in {line.number for line in host.contact.lines}
    assert stays == {RIGHT: True, ALARM: True}
