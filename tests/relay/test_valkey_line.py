"""A line to a Valkey server takes answers in whatever pieces they come."""

import asyncio
from typing import cast

import hiredis
import pytest

from ojak_relay.store import valkey_line
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_wire import Reply, word
from tests.relay.kit import box
from tests.relay.memory_lines import MemoryLine


class Counting(hiredis.Reader):
    """A parser that notes how much it moves to its front: what lies behind a reply, each time.

    As hiredis 3 does it, which tells nobody.
    """

    moved = 0
    held = 0

    def feed(self, data: str | bytes, at: int = 0, size: int = -1) -> None:
        size = len(data) if size < 0 else size
        self.held += size
        super().feed(data, at, size)

    def gets(self) -> Reply:  # type: ignore[override] # no options are wanted here
        reply = super().gets()
        if reply is not False:
            self.held = max(0, self.held - len(word(reply)))
            self.moved += self.held
        return reply


async def moved_for(count: int, piece: int) -> int:
    """Return how many bytes the parser moves for *count* boxes, which come in pieces."""
    line = Line(lambda: None)
    line.connection_made(cast("asyncio.Transport", MemoryLine()))
    asked = [line.ask([b"?"], 1) for _ in range(count)]
    came = b"".join(word(box(number)) for number in range(count))
    for at in range(0, len(came), piece):
        line.data_received(came[at : at + piece])
    assert [one.result() for one in asked] == [[box(number)] for number in range(count)]
    reader = cast("Counting", line._reader)  # noqa: SLF001 (what is measured)
    line.close()
    return reader.moved


@pytest.mark.parametrize("piece", [1 << 30, 100_000, 16_384, 4_099, 7])
@pytest.mark.asyncio
async def test_every_answer_is_whole_and_the_parser_moves_little_however_they_come(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(hiredis, "Reader", Counting)
    assert await moved_for(100, piece) < 100 * 16_384


@pytest.mark.asyncio
async def test_a_parser_that_is_given_all_at_once_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted: what came is given to it in one piece."""
    monkeypatch.setattr(hiredis, "Reader", Counting)
    monkeypatch.setattr(valkey_line, "_PARSED_BYTES", 1 << 30)
    assert await moved_for(100, 1 << 30) > 100 * 16_384


@pytest.mark.asyncio
async def test_what_is_to_be_sent_before_the_loop_turns_waits_for_replicas_that_must_confirm() -> (
    None
):
    line, below = Line(lambda: None), MemoryLine()
    line.connection_made(cast("asyncio.Transport", below))
    line._replicas = 1  # noqa: SLF001 (as `open` sets it)
    first = line.ask([b"first"], 1)
    line.send()
    second = line.ask([b"second"], 1)
    line.send()
    await asyncio.sleep(0)
    assert (b"first" in below.sent, b"second" in below.sent) == (True, False)
    line.data_received(b"+OK\r\n:1\r\n")
    assert (first.result(), below.sent.count(b"second")) == ([b"OK"], 1)
    line.send()
    line.data_received(b"+OK\r\n:1\r\n")
    assert (second.result(), below.sent.count(b"second")) == ([b"OK"], 1)
    line.close()
