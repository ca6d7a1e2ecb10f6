"""P11 and P12: what a letter and a meeting cost a client, Argon2id apart."""

from collections.abc import Iterator

from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol.conversation import Conversation
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from tests import people
from tests.bench.measure import Row, Timing, cpu_time


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    pair = people.meet()
    letter = Body(Kind.TEXT, "가" * 300)

    def write() -> Conversation:
        return talk.write(pair.guest, letter, reference=1, entropy=people.ENTROPY, kem=people.KEM)

    yield _row("P11", "seal a letter that begins a chain (both forms)", write, "1 ms", "0.4 ms")
    begun = write()
    box = begun.outbox[-1]

    def write_on() -> Conversation:
        return talk.write(begun, letter, reference=1, entropy=people.ENTROPY, kem=people.KEM)

    yield _row("P11", "seal a further letter of a chain (both forms)", write_on, "1 ms", "0.4 ms")

    def read() -> object:
        return talk.receive(pair.host, box.place.id, box.box, kem=people.KEM)

    yield _row("P11", "open a letter that begins a chain", read, "1 ms", "0.4 ms")
    point = people.new_point()
    yield _row("P12", "a whole meeting, both clients", lambda: _meet(point), "20 ms", "8 ms")


def _meet(point: MeetingPoint) -> None:
    attempt = people.come(point, people.RIGHT)
    _, visit = people.take(point, attempt)
    found = people.look(attempt, people.boxes_of(*visit.branches))
    assert found is not None
    assert guest_.places(attempt)


def _row(identifier: str, figure: str, call: object, target: str, beyond: str) -> Row:
    assert callable(call)
    timing: Timing = cpu_time(call, repeats=200)
    measured = f"{timing.median_ms:.2f} ms (p90 {timing.p90_ms:.2f})"
    return Row(identifier, figure, measured, target, beyond)
