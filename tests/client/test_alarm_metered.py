"""B5 on a metered line: when its host looks, stays and leaves tells nobody which word was typed."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ojak_client.exchange import Exchange, Round
from ojak_client.lookout import Lookout
from ojak_client.output import Output
from ojak_client.profile import Contact, Profile, QuestionSet, Role, Visiting, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import run_errands
from ojak_client.service_manager import ServiceManager
from ojak_client.voice import Voice
from ojak_client.watching import WAIT_SECONDS, Keeping, Watch
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from tests.client.onlooker import Onlooker
from tests.client.persons import NAME, Clock, JournalStore, Person
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, RIGHT, SEED

OF_EACH = 4
READS_FOR_SECONDS = 200
STAYS_SECONDS = 5000
"""Not to the second when the host looks: a relay's clock is known to the second only, and whether
the guest still looks would be another answer in one visit of a hundred, after either word."""


def _persons(relay: SimulatedRelay, clock: Clock, url: str, visiting: Visiting) -> list[Person]:
    point = MeetingPoint(Number("0" * 12), SEED, 1, RIGHT, ALARM, bits=30)
    contacts = (
        Contact(NAME, url, sets=(QuestionSet(point, ()),)),
        Contact(NAME, url, visiting=visiting),
    )
    return [
        Person(relay, clock, JournalStore(with_contact(Profile(), contact))) for contact in contacts
    ]


def _acknowledges(contact: Contact) -> Contact:
    """Its person has read everything: a receipt goes, and what was read is deleted."""
    lines = tuple(replace(line, receipt_due_at=1) for line in contact.lines)
    return replace(contact, theirs=(), lines=lines)


def visit(typed: bytes, *, keeps: bool) -> tuple[Onlooker, list[float]]:
    """A host looks, a guest came and reads for a while; then the host rests until its next look."""
    clock = Clock(int(time.time()))
    relay = SimulatedRelay(clock)
    onlooker = Onlooker(relay)
    began = clock.now
    rests: list[float] = []
    with relay.served() as url:
        host, guest = _persons(
            relay, clock, url, Visiting(SEED, typed, 1, STAYS_SECONDS, keeps=keeps)
        )
        for number in range(2):
            host.write(f"echt {number}")
            host.write(f"harmlos {number}", role=Role.COUNTERPART)
        guest.write("von drinnen")

        def sync() -> None:
            run_errands(Exchange(guest.store, url, relay.connection, guest.told.extend, clock))

        def read() -> None:
            guest.change(_acknowledges)
            sync()

        due = [(0, sync), (READS_FOR_SECONDS, read)]
        with Watch(_keeping(host.store, clock), url) as watch:

            def look(at: int, *steps: tuple[int, Callable[[], None]]) -> None:
                left = list(steps)

                def hold() -> None:
                    onlooker.look_at(host)
                    clock.now += WAIT_SECONDS
                    if left and clock.now - at >= left[0][0]:
                        left.pop(0)[1]()

                relay.meanwhile = hold
                while watch.ready_at <= clock.now:
                    watch.turn(alone=True)
                rests.append(watch.ready_at - began)

            look(clock.now)
            sync()
            clock.now = int(watch.ready_at) + 1
            look(clock.now, *due)
            clock.now = int(watch.ready_at) + 1
            look(clock.now)
    return onlooker, rests


def _keeping(store: JournalStore, clock: Clock) -> Keeping:
    chance = random.Random(3)  # noqa: S311 - the same pauses in each visit
    voice = Voice(Output(quiet=True), ServiceManager(""))
    lookout = Lookout(Path("/nonexistent/letters"), lambda: None, clock=clock)
    return Keeping(voice, store, lookout, None, True, chance.randbytes, clock)  # noqa: FBT003 - as in keep.py


def views(*, keeps: bool) -> dict[bytes, Counter[str]]:
    """What somebody at the relay can write down of some visits with either word."""
    return {
        typed: Counter(_view(*visit(typed, keeps=keeps)) for _ in range(OF_EACH))
        for typed in (RIGHT, ALARM)
    }


def _view(onlooker: Onlooker, rests: list[float]) -> str:
    return f"{onlooker.times} {rests}"


@pytest.mark.parametrize("keeps", [False, True])
def test_b5_a_metered_host_looks_stays_and_leaves_at_the_same_times_with_either_word(
    keeps: bool,  # noqa: FBT001 - parametrized
) -> None:
    seen = views(keeps=keeps)
    assert seen[RIGHT] == seen[ALARM]
    assert len(seen[RIGHT]) == 1


def test_b5_a_host_that_stays_by_what_its_person_is_told_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a harmless letter that was read nothing is told: the line was left too early for it."""
    round_ = Exchange.round

    def planted(self: Exchange, shape: Shape) -> Round:
        result = round_(self, shape)
        return replace(result, carried=bool(result.notices))

    monkeypatch.setattr(Exchange, "round", planted)
    right, alarm = (_view(*visit(typed, keeps=False)) for typed in (RIGHT, ALARM))
    assert right != alarm
