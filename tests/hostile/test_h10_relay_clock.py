"""H10: a relay's clock, or the `Date` it sends, is ten years off: nothing expires by it.

Letters, visits, answers that wait, lines to borrowed devices and the secrets of offers go by the
device's clock alone. What follows the relay's clock is where a meeting is looked for (the day),
and for how long a guest said it would look, which the relay could cut short by silence as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from ojak_client.exchange import Exchange
from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState
from ojak_client.relay_url import parse_relay_url
from ojak_client.rounds import run_errands
from ojak_client.transport import RelayConnection
from ojak_protocol.meeting_point import MOST_OFFERS, MeetingPoint
from ojak_protocol.sync import REPLY_BYTES, decode_request
from tests.client.hostile_server import Guest, reply, serving
from tests.client.persons import RELAY, Clock, Person, guest_of, host_of, kept_pair
from tests.client.simulated_relay import TEN_YEARS
from tests.hostile.relays import HostileRelay
from tests.people import WRONG

HOUR: Final = 3600
DAY: Final = 24 * HOUR

either_way = pytest.mark.parametrize("off", [TEN_YEARS, -TEN_YEARS], ids=["ahead", "behind"])


def rounds(*people: Person, count: int = 3) -> None:
    """Each does its rounds as one who has been on for a while, and knows the relay's clock."""
    for _ in range(count):
        for person in people:
            exchange = person.exchange()
            exchange.learn_clock()
            run_errands(exchange)


def point_of(person: Person) -> MeetingPoint:
    return person.contact.sets[0].point


@either_way
def test_h10_a_letter_expires_by_the_devices_clock_and_not_by_the_relays(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    with relay.clock_off(off):
        guest.write("bleibt", expires_at=clock.now + HOUR)
        rounds(guest)
        assert [one.letter != b"" for one in guest.contact.lines[0].conversation.outbox][-1]
        rounds(host)
        assert host.texts == ["bleibt"]
        guest.write("geht", expires_at=clock.now + HOUR)
        rounds(guest)
        clock.now += HOUR
        rounds(guest)
        assert guest.contact.lines[0].conversation.outbox[-1].letter == b""
        rounds(host, guest)
        assert host.texts == ["bleibt"]
        clock.now += 2 * HOUR
        rounds(host, guest)
    taken_back = [one.state for one in guest.contact.ours]
    assert taken_back == [LetterState.COLLECTED, LetterState.EXPIRED]


@either_way
def test_h10_a_letter_that_lies_nowhere_expires_by_the_devices_clock(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.write("편지", expires_at=clock.now + HOUR)
    with relay.clock_off(off):
        rounds(host)
        assert [one.state for one in host.contact.ours] == [LetterState.WAITING]
        clock.now += HOUR
        rounds(host)
        assert [one.state for one in host.contact.ours] == [LetterState.EXPIRED]


@either_way
def test_h10_a_visit_can_be_confirmed_for_seven_days_of_the_device(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    rounds(host, guest, host, count=1)
    with relay.clock_off(off):
        rounds(host, guest)
        clock.now += 6 * DAY
        rounds(host)
        assert len(host.contact.lines) + len(point_of(host).visits) == 1
    rounds(host, guest)
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()
    assert point_of(host).unconfirmed == 0


@either_way
def test_h10_a_visit_that_nobody_confirms_goes_after_seven_days_of_the_device(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, stranger = host_of(relay, clock), guest_of(relay, clock, typed=WRONG)
    rounds(host, stranger, host, count=1)
    with relay.clock_off(off):
        for _ in range(7):
            assert len(point_of(host).visits) == 1
            clock.now += DAY
            rounds(host, count=1)
    assert point_of(host).visits == ()
    # And the count of guesses is no more forgotten than with any other clock.
    assert point_of(host).unconfirmed == 1


@either_way
def test_h10_the_state_of_a_borrowed_device_is_erased_after_a_day_of_the_hosts(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock, keeps=False)
    rounds(host, guest)
    assert [line.kept for line in host.contact.lines] == [False]
    with relay.clock_off(off):
        clock.now += DAY - HOUR
        rounds(host)
        assert len(host.contact.lines) == 1
        clock.now += HOUR
        rounds(host)
        assert not host.contact.lines


@either_way
def test_h10_an_answer_is_waited_on_for_fourteen_days_of_the_guest(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    rounds(host, guest, count=1)
    with relay.clock_off(off):
        clock.now += 13 * DAY
        rounds(guest)
        assert guest.contact.visiting is not None
        assert guest.contact.visiting.attempt is not None
        clock.now += DAY
        rounds(guest)
        assert guest.contact.visiting is None


@either_way
def test_h10_the_secrets_of_offers_are_erased_after_eight_days_of_the_device_and_no_sooner(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    rounds(host)
    begun = clock.now // DAY
    laid = {one.nonce for one in point_of(host).offers if one.day == begun}
    with relay.clock_off(off):
        for _ in range(8):
            rounds(host, count=1)
            assert laid <= {one.nonce for one in point_of(host).offers}
            assert len(point_of(host).offers) <= MOST_OFFERS
            clock.now += DAY
        clock.now += DAY
        rounds(host, count=1)
        assert laid.isdisjoint(one.nonce for one in point_of(host).offers)


@either_way
def test_h10_a_guest_meets_at_an_offer_that_was_laid_before_the_clock_went_wrong(
    off: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    rounds(host)
    with relay.clock_off(off):
        rounds(host)
    rounds(guest, host)
    assert guest.texts == ["편지"]


@contextmanager
def served_with_date(relay: HostileRelay, date: str) -> Iterator[RelayConnection]:
    """A connection to a relay whose header says *date*, wherever a date can stand."""

    def talk(guest: Guest) -> None:
        while heard := guest.hear():
            body = heard.partition(b"\r\n\r\n")[2]
            room = decode_request(body).room
            answer = relay.sync(body, reply_bytes=REPLY_BYTES[room], wait_seconds=0)
            names = ("Date", "Expires", "Last-Modified")
            guest.say(reply(answer, *(f"{name}: {date}" for name in names)))

    with serving(talk) as server, RelayConnection(parse_relay_url(server.url)) as connection:
        yield connection


@pytest.mark.parametrize(
    "date",
    ["Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2044 00:00:00 GMT", "Thu, 99 Foo -1 aa"],
)
def test_h10_a_date_in_the_header_of_a_reply_is_not_even_read(
    date: str, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("bleibt", expires_at=clock.now + HOUR)
    with served_with_date(relay, date) as connection:
        for person in (guest, host):
            exchange = Exchange(person.store, RELAY, connection, person.told.extend, clock)
            run_errands(exchange)
            assert (exchange.moment.now, exchange.moment.relay_clock) == (clock.now, clock.now)
    assert host.texts == ["bleibt"]
    assert guest.contact.lines[0].conversation.outbox[-1].letter
