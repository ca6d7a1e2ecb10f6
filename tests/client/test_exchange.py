"""A round: saved before sent, deleted after saved, and whatever dies in between is harmless."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ojak_client.errors import NoAnswer, WrongPlace
from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, LetterState, Profile
from ojak_client.requests import Shape
from ojak_client.sharing import Sharing
from ojak_protocol.sync import NO_DELETE, SyncRequest, decode_request
from tests.client.persons import (
    RELAY,
    Clock,
    JournalStore,
    Killed,
    Person,
    guest_of,
    host_of,
    is_seen,
    kept_pair,
    known_boxes,
    new_person,
)
from tests.client.simulated_relay import TEN_YEARS, SimulatedRelay
from tests.people import WRONG

if TYPE_CHECKING:
    from ojak_protocol.addresses import MailboxId

HOUR = 3600

Prepared = tuple[Profile, tuple[Notice, ...]]


class Witness:
    """A connection that looks into the store at each send, and dies at the send it is told to.

    Attributes:
        boxes: what was deposited at each place, over all lives of the process.
    """

    asked_again = 0

    def __init__(self, relay: SimulatedRelay, store: JournalStore) -> None:
        self._relay = relay
        self._store = store
        self.boxes: dict[MailboxId, set[bytes]] = {}
        self.sends = 0
        self.killed_before: int | None = None
        self.killed_after: int | None = None

    @property
    def connection(self) -> "Witness":
        return self

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        self._look_at(decode_request(body))
        number, self.sends = self.sends, self.sends + 1
        if number == self.killed_before:
            raise Killed
        reply = self._relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)
        if number == self.killed_after:
            raise Killed
        return reply

    def _look_at(self, request: SyncRequest) -> None:
        saved = self._store.read()
        known = known_boxes(saved)
        for deposit in request.deposits:
            if not is_seen(saved, deposit):
                assert deposit.box in known, "sent before it was saved"
                self.boxes.setdefault(deposit.id, set()).add(deposit.box)
        deletable = {
            key
            for contact in saved.contacts
            for line in contact.lines
            for key in line.conversation.deletes
        }
        assert set(request.deletes) - {NO_DELETE} <= deletable, "deleted before it was saved"


@pytest.fixture
def relay() -> SimulatedRelay:
    return SimulatedRelay(Clock())


def witnessed(person: Person) -> Witness:
    witness = Witness(person.relay, person.store)
    person.relay = witness  # type: ignore[assignment] # a relay that is watched
    return witness


def settle(*people: Person, clock: Clock, rounds: int = 6) -> None:
    """Everybody syncs until everything is acknowledged; receipts wait up to an hour."""
    for _ in range(rounds):
        for person in people:
            person.sync()
        clock.now += HOUR + 1


def living(step: Callable[[], object]) -> bool:
    """Do *step*; if the process dies in it, another one goes on from what was saved."""
    try:
        step()
    except Killed:
        return False
    return True


def faults() -> Iterator[tuple[str, int]]:
    return itertools.product(("save", "before", "after"), range(8))


@pytest.mark.parametrize("victim", ["writer", "reader"])
@pytest.mark.parametrize(("where", "k"), list(faults()))
def test_c7_a_process_that_dies_at_any_step_loses_nothing_and_shows_nothing_twice(
    victim: str, where: str, k: int
) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    dying = guest if victim == "writer" else host
    witness = witnessed(dying)
    match where:
        case "save":
            dying.store.killed_at = k + dying.store.saves + 1
        case "before":
            witness.killed_before = k
        case _:
            witness.killed_after = k
    guest.write("첫째")
    for text in ("둘째", "셋째"):
        for person in (guest, host):
            living(person.sync)
        clock.now += HOUR + 1
        for person, written in ((guest, text), (host, f"{text} 답")):
            # Whoever was told nothing writes it again.
            while not living(partial(person.write, written)):
                pass
    witness.killed_before = witness.killed_after = dying.store.killed_at = None
    settle(guest, host, clock=clock)

    assert host.texts == ["첫째", "둘째", "셋째"]
    assert guest.texts == ["둘째 답", "셋째 답"]
    for person in (host, guest):
        assert not person.contact.lines[0].conversation.broken
        assert all(one.state is LetterState.COLLECTED for one in person.contact.ours)
    assert all(len(boxes) == 1 for boxes in witness.boxes.values())


@pytest.mark.parametrize("where", ["before", "after", "save"])
@pytest.mark.parametrize("k", range(6))
def test_c7_a_host_that_dies_at_any_step_still_meets_and_counts_the_guess_once(
    where: str, k: int
) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("기다리던 편지")
    witness = witnessed(host)
    if where == "save":
        host.store.killed_at = k + 1
    elif where == "before":
        witness.killed_before = k
    else:
        witness.killed_after = k
    for _ in range(5):
        living(host.sync)
        guest.sync()
    host.store.killed_at = None
    settle(host, guest, clock=clock)

    assert guest.texts == ["기다리던 편지"]
    point = host.contact.sets[0].point
    assert (point.unconfirmed, len(host.contact.lines)) == (0, 1)


def test_the_guess_is_saved_before_anything_for_its_visit_is_sent(relay: SimulatedRelay) -> None:
    clock = Clock()
    host, guest = host_of(relay, clock), guest_of(relay, clock, typed=WRONG)
    host.write("편지")
    host.sync()
    guest.sync()
    guest.sync()
    host.store.killed_at = host.store.saves + 1  # what the answer brought is the second save
    sent = len(relay.arrived)
    with pytest.raises(Killed):
        host.exchange().round(Shape(room=1))
    assert all(not request.deposits for request in relay.arrived[sent:])
    point = host.contact.sets[0].point
    assert point.unconfirmed == 0

    host.store.killed_at = None
    host.sync()
    point = host.contact.sets[0].point
    assert point.unconfirmed == 1


def test_what_prepare_brings_to_light_is_told_though_the_relay_is_not_reached(
    relay: SimulatedRelay,
) -> None:
    clock = Clock()
    host, guest = host_of(relay, clock), guest_of(relay, clock, typed=WRONG)
    for person in (host, guest, guest, host):
        person.sync()
    clock.now += 2 * HOUR
    with relay.loses_requests(), pytest.raises(NoAnswer):
        host.exchange().round(Shape())
    assert NoticeKind.GUEST_UNCONFIRMED in host.kinds()


def test_what_nothing_is_due_of_is_gone_through_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    host.sync()
    prepared: list[int] = []

    def counted(profile: Profile, where: str, moment: Moment, *, sharing: Sharing) -> Prepared:
        prepared.append(moment.now)
        return prepare(profile, where, moment, sharing=sharing)

    monkeypatch.setattr("ojak_client.exchange.prepare", counted)
    rounds = host.exchange()
    rounds.round(Shape(room=1))
    rounds.round(Shape(room=1, older=True))
    assert prepared == [clock.now]

    clock.now += 1
    rounds.round(Shape(room=1))
    assert prepared == [clock.now - 1, clock.now]


def test_a_letter_that_another_command_wrote_goes_out_with_the_next_round_of_the_same_second(
    relay: SimulatedRelay,
) -> None:
    clock = Clock()
    host, guest = kept_pair(relay, clock)
    settle(guest, host, clock=clock)
    rounds = guest.exchange()
    for _ in range(3):
        rounds.round(Shape(room=1))
    sent = len(relay.arrived)
    guest.write("편지")
    rounds.round(Shape(room=1))
    (asked,) = relay.arrived[sent:]
    assert len(asked.deposits) == 1
    host.sync()
    assert host.texts == ["편지"]


def test_a_reply_that_says_nothing_saves_nothing_unless_it_was_held(relay: SimulatedRelay) -> None:
    """While it was held another command may have saved, and what is known is to be what is."""
    clock = Clock()
    host = host_of(relay, clock)
    host.sync()
    rounds, before = host.exchange(), host.store.saves
    rounds.round(Shape(room=1))
    assert host.store.saves == before + 1  # what was prepared

    held = rounds.round(Shape(room=1, wait_seconds=1))
    assert (host.store.saves, held.profile) == (before + 3, host.store.read())


def test_h5_a_lost_reply_is_answered_by_the_same_bytes_again(relay: SimulatedRelay) -> None:
    clock = Clock()
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    with relay.loses_replies(), pytest.raises(NoAnswer):
        guest.sync()
    guest.sync()
    first, second = (request.deposits for request in relay.arrived)
    assert first == second
    host.sync()
    assert host.texts == ["편지"]


def test_h5_a_letter_is_not_called_collected_by_a_relay_that_stores_nothing(
    relay: SimulatedRelay,
) -> None:
    clock = Clock()
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    with relay.stores_nothing():
        guest.sync()
        host.sync()
    assert [one.state for one in guest.contact.ours] == [LetterState.WAITING]
    clock.now += 3 * 24 * HOUR  # a third of its time to live
    settle(guest, host, clock=clock)
    assert host.texts == ["편지"]
    assert [one.state for one in guest.contact.ours] == [LetterState.COLLECTED]


def hostile(relay: SimulatedRelay) -> list[Callable[[], AbstractContextManager[None]]]:
    def boxes() -> list[bytes]:
        return [deposit.box for request in relay.arrived for deposit in request.deposits]

    @contextmanager
    def repeating() -> Iterator[None]:
        with relay.repeats(boxes() or [bytes(4000)]):
            yield

    return [
        relay.stores_nothing,
        relay.finds_nothing,
        relay.has_no_room,
        relay.swaps,
        relay.occupied,
        relay.full,
        repeating,
        lambda: relay.clock_off(TEN_YEARS),
        lambda: relay.clock_off(-TEN_YEARS),
    ]


@pytest.mark.parametrize("lie", range(9))
def test_h2_h3_h5_h10_a_lying_relay_loses_nothing_and_shows_nothing_twice(lie: int) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    lying = hostile(relay)[lie]
    guest.write("하나")
    settle(guest, host, clock=clock, rounds=2)
    guest.write("둘")
    host.write("답")
    with lying():
        settle(guest, host, clock=clock, rounds=2)
    clock.now += 3 * 24 * HOUR
    settle(guest, host, clock=clock)
    assert host.texts == ["하나", "둘"]
    assert guest.texts == ["답"]
    assert all(one.state is LetterState.COLLECTED for one in guest.contact.ours)
    for person in (host, guest):
        assert NoticeKind.COPY_DETECTED not in person.kinds()


@pytest.mark.parametrize("lie", range(9))
def test_a_meeting_survives_a_relay_that_lied_for_a_while(lie: int) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    host.write("편지")
    guest = guest_of(relay, clock)
    with hostile(relay)[lie]():
        settle(host, guest, clock=clock, rounds=2)
    # Whoever lied may have used up this guest's visit: a later one must meet all the same.
    clock.now += 4 * 24 * HOUR
    later = guest_of(relay, clock)
    for _ in range(6):
        host.sync()
        later.sync()
    assert later.texts == ["편지"]


def test_two_processes_on_one_vault_seal_each_letter_once(relay: SimulatedRelay) -> None:
    clock = Clock()
    host, guest = kept_pair(relay, clock)
    other = Person(relay, clock, guest.store)
    guest.write("편지")

    # The second process does a whole sync while the first one's request is under way.
    class Interleaved:
        asked_again = 0

        def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
            reply = relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)
            other.write("또 하나")
            other.sync()
            host.sync()
            return reply

    exchange = guest.exchange()
    exchange.connection = Interleaved()  # type: ignore[assignment] # has its one method
    exchange.round(Shape(room=1, guest=True))
    settle(guest, host, clock=clock)
    assert host.texts == ["편지", "또 하나"]
    assert len({d.id for request in relay.arrived for d in request.deposits}) == len(
        {d.box for request in relay.arrived for d in request.deposits}
    )


def test_a_letter_that_two_processes_fetched_is_kept_once(relay: SimulatedRelay) -> None:
    clock = Clock()
    host, guest = kept_pair(relay, clock)
    other = Person(relay, clock, host.store)
    guest.write("편지")
    guest.sync()

    class Interleaved:
        asked_again = 0

        def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
            reply = relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)
            other.sync()
            return reply

    exchange = host.exchange()
    exchange.connection = Interleaved()  # type: ignore[assignment] # has its one method
    exchange.round(Shape(room=1))
    assert host.texts == ["편지"]


def test_an_answer_that_is_no_reply_is_not_from_this_relay() -> None:
    class Other:
        asked_again = 0

        def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
            del body, wait_seconds
            return bytes(reply_bytes)

    person = new_person(SimulatedRelay(Clock()), Contact("순이", RELAY))
    exchange = person.exchange()
    exchange.connection = Other()  # type: ignore[assignment] # has its one method
    with pytest.raises(WrongPlace):
        exchange.round(Shape())


def test_the_relays_clock_is_learned_before_offers_are_laid_by_it() -> None:
    clock, theirs = Clock(), Clock(Clock().now + 40 * 86_400)
    relay = SimulatedRelay(theirs)
    host, guest = host_of(relay, clock), guest_of(relay, theirs)
    host.write("편지")
    for _ in range(4):
        host.sync()
        guest.sync()
    assert guest.texts == ["편지"]


def test_a_guest_whose_own_clock_is_days_off_still_meets(relay: SimulatedRelay) -> None:
    clock = Clock()
    host = host_of(relay, clock)
    host.write("편지")
    guest = guest_of(relay, Clock(clock.now - 400 * 86_400))
    for _ in range(4):
        host.sync()
        guest.sync()
    assert guest.texts == ["편지"]


def test_a_contact_without_a_number_needs_no_extra_round_trip(relay: SimulatedRelay) -> None:
    _, guest = kept_pair(relay, Clock())
    guest.write("편지")
    guest.sync()
    assert len(relay.arrived) == 1


class Repeating:
    """A connection that was lost at each request, and made once more for it."""

    def __init__(self, relay: SimulatedRelay) -> None:
        self._relay = relay
        self.asked_again = 0

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        self.asked_again += 1
        return self._relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)


def test_a_request_that_was_sent_twice_counts_twice(relay: SimulatedRelay) -> None:
    host, _ = kept_pair(relay, Clock())
    exchange = host.exchange()
    once = exchange.round(Shape(room=1, guest=True))
    exchange.connection = Repeating(relay)  # type: ignore[assignment] # has what an exchange uses
    twice = exchange.round(Shape(room=1, guest=True))
    assert once.size_bytes > 0
    assert twice.size_bytes == 2 * once.size_bytes
    assert exchange.asked_bytes == 3 * once.size_bytes
