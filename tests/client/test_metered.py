"""`ojak keep --metered`: a look in a while, and staying while somebody is there."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ojak_client.lookout import Lookout
from ojak_client.output import Output
from ojak_client.passing_on import add_letter
from ojak_client.pauses import METERED_LEAST_SECONDS, METERED_MOST_SECONDS
from ojak_client.profile import Contact, QuestionSet
from ojak_client.rounds import MOST_ROUNDS
from ojak_client.service_manager import ServiceManager
from ojak_client.store import vault_path
from ojak_client.voice import Voice
from ojak_client.watching import MOST_STAY_SECONDS, STAY_SECONDS, WAIT_SECONDS, Keeping, Watch
from ojak_protocol.meeting_point import MeetingPoint
from tests.client.devices import ANSWERS, NUMBER, QUESTIONS, RIGHT, SEED, Device
from tests.client.persons import NAME, Clock, Person
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_keep import family
from tests.client.test_meet import meet

DAY = 86_400


@dataclass
class Metered:
    """A watch on a metered line, in a time of its own, in which a held request takes its time."""

    watch: Watch
    clock: Clock
    lookout: Lookout
    relay: SimulatedRelay

    def look(self) -> int:
        """Do rounds until it rests, and return how many requests were held."""
        before = len(self.relay.arrived)
        while self.watch.ready_at <= self.clock.now:
            self.watch.turn(alone=True)
        return sum(bool(asked.wait_seconds) for asked in self.relay.arrived[before:])

    @property
    def rests_for(self) -> float:
        return self.watch.ready_at - self.clock.now

    def rest(self) -> None:
        self.clock.now = int(self.watch.ready_at) + 1


@contextmanager
def metered(device: Device, relay: SimulatedRelay, url: str) -> Iterator[Metered]:
    clock = Clock(1_000_000)

    def hold() -> None:
        clock.now += WAIT_SECONDS

    if relay.meanwhile.__name__ == "<lambda>":
        relay.meanwhile = hold
    with device.store() as store:
        chance = random.Random(3)  # noqa: S311 - repeatable
        lookout = Lookout(vault_path(device.folder), lambda: None, clock=clock)
        voice = Voice(Output(json=True), ServiceManager(""))
        keeping = Keeping(voice, store, lookout, None, True, chance.randbytes, clock)  # noqa: FBT003 - as in keep.py
        with Watch(keeping, url) as watch:
            yield Metered(watch, clock, lookout, relay)


@pytest.fixture
def other(device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock) -> Person:
    return family(device, near_relay, url, now_clock)


def test_a_day_has_about_36_looks_and_no_request_is_held(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    assert other.texts == []
    gaps = []
    with metered(device, near_relay, url) as line:
        end = line.clock.now + DAY
        while line.clock.now < end:
            assert line.look() == 0
            gaps.append(line.rests_for)
            line.rest()
    assert all(METERED_LEAST_SECONDS <= gap <= METERED_MOST_SECONDS for gap in gaps)
    assert 30 <= len(gaps) <= 42
    # One request a look, after the first that also learns the clock and carries what is owed.
    assert len(near_relay.arrived) <= len(gaps) + 4


def test_letters_that_came_meanwhile_are_all_taken_at_one_look(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    with metered(device, near_relay, url) as line:
        line.look()
        for n in range(5):
            other.write(f"편지 {n}")
        other.sync()
        assert device.profile.contacts[0].theirs == ()
        line.rest()
        assert line.look() == 0
    assert len(device.profile.contacts[0].theirs) == 5


def test_what_another_command_left_to_do_is_done_at_once(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    assert other.texts == []
    with metered(device, near_relay, url) as line:
        line.look()
        device.run("invite", "--relay", url, "--name", "또", *QUESTIONS, answers=ANSWERS)
        for _ in range(2):
            line.lookout.look(1.0)
        line.watch.turn(alone=True)
        assert any(asked.deposits for asked in near_relay.arrived)


def test_reading_on_a_metered_line_asks_for_nothing(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    other.write("편지")
    other.sync()
    with metered(device, near_relay, url) as line:
        line.look()
        before = len(near_relay.arrived)
        assert device.run("read", "--to-stdout").said == ["letter"]
        for _ in range(3):
            line.lookout.look(1.0)
            line.watch.turn(alone=True)
        assert line.lookout.changes >= 1
        assert len(near_relay.arrived) == before


def test_a_metered_line_keeps_its_times_after_a_sleep(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    assert other.texts == []
    with metered(device, near_relay, url) as line:
        line.look()
        before = len(near_relay.arrived)
        line.lookout.look(60.0)
        line.watch.turn(alone=True)
        assert len(near_relay.arrived) == before


def test_a_relay_that_takes_nothing_and_keeps_more_back_does_not_keep_a_metered_line_busy(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    """What lies at the letter's place is looked at in vain, and the letter is deposited again."""
    assert other.texts == []
    with device.store() as store:
        add_letter(store, NAME, "편지", at_once=True)

    with metered(device, near_relay, url) as line, near_relay.contradicts_itself():
        line.look()
        assert line.rests_for >= METERED_LEAST_SECONDS
        assert len(near_relay.arrived) <= MOST_ROUNDS + 8


# Somebody is there


def waiting_at_number(device: Device, url: str) -> None:
    point = MeetingPoint(NUMBER, SEED, 1, RIGHT, None, bits=30)
    device.keep_contact(Contact(NAME, url, sets=(QuestionSet(point, ()),)))


def test_it_stays_while_a_guest_is_there_and_leaves_a_while_after(
    device: Device, near_relay: SimulatedRelay, url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    waiting_at_number(device, url)
    phone = Device(tmp_path_factory.mktemp("phone") / "own")
    with metered(device, near_relay, url) as line:
        assert line.look() == 0
        hold = near_relay.meanwhile
        visits = []

        def host_comes() -> None:
            # The guest waits for an answer: only then does the host's next look come.
            near_relay.meanwhile = hold
            line.rest()
            line.watch.turn(alone=True)
            line.watch.turn(alone=True)
            near_relay.meanwhile = lambda: line.watch.turn(alone=True)

        near_relay.meanwhile = host_comes
        visits.append(meet(phone, url, letter="어머니", wait=30))
        near_relay.meanwhile = hold
        assert "confirmed" in visits[0].said
        began = line.clock.now
        held = line.look()
        assert 0 < held <= STAY_SECONDS / WAIT_SECONDS + 2
        assert line.clock.now - began <= STAY_SECONDS + 2 * WAIT_SECONDS
        assert METERED_LEAST_SECONDS <= line.rests_for <= METERED_MOST_SECONDS
    assert [one.text for one in device.profile.contacts[0].theirs] == ["어머니"]


def test_nobody_keeps_it_there_for_longer_than_half_an_hour(
    device: Device, near_relay: SimulatedRelay, url: str, other: Person
) -> None:
    assert other.texts == []
    with metered(device, near_relay, url) as line:
        line.look()
        line.rest()
        began = line.clock.now
        watch = line.watch
        watch._guest_at = watch._moved_at = float(began)  # noqa: SLF001 - a guest came

        def something_happens() -> None:
            line.clock.now += WAIT_SECONDS
            watch._moved_at = float(line.clock.now)  # noqa: SLF001 - and another, and another

        near_relay.meanwhile = something_happens
        line.look()
        assert MOST_STAY_SECONDS <= line.clock.now - began <= MOST_STAY_SECONDS + 2 * WAIT_SECONDS
