"""What is looked at from outside, and what is said of it.

One box is laid at a place that only this visit knows, looked for, and deleted. It lies a minute if
the visit is cut off.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Final

from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import (
    MIN_TTL_SECONDS,
    VERSION,
    Deposit,
    DepositOutcome,
    Found,
    Nothing,
    SyncClass,
    SyncRequest,
)
from ojak_relay.selftest.line import Answer, Line, NoAnswer
from ojak_relay.selftest.target import Target

ROUNDS: Final = 15
"""So many hits and as many misses are timed, in turn."""

DIFFERENCE_SECONDS: Final = 0.005
"""By so much hits and misses may differ on the line; the relay's own steps are twice as long."""

CLOCK_SECONDS: Final = 300
DAYS_LEFT: Final = 14
WAIT_SECONDS: Final = 20
WOKEN_SECONDS: Final = 5

_WHY_NOT: Final = {
    DepositOutcome.FULL: "a box is refused: the relay is full; ojak-relay resize makes room",
    DepositOutcome.REFUSED: (
        "a box is refused: the relay is read-only or drains, or this machine laid too many"
    ),
}
_OCCUPIED: Final = "another box lies at a place that nobody knows"

_USUAL: Final = frozenset(
    {
        "access-control-allow-origin", "cache-control", "connection", "content-length",
        "content-type", "date", "keep-alive", "server", "strict-transport-security",
    }
)  # fmt: skip
_TELLTALE: Final = ("cookie", "etag", "nel", "report-to", "ray", "trace", "request-id", "via")
"""Parts of names of fields by which something in between keeps or counts visits."""


class Level(Enum):
    """How good what was found is."""

    FINE = "fine"
    LOOK = "look"
    """The operator should know; it may be meant so."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on what was seen."""

    level: Level
    sentence: str


def visit(target: Target) -> Iterator[Finding]:
    """Visit *target* and tell what is found, one by one.

    Raises:
        NoAnswer: nobody is reached there, or it is no relay.
    """
    with Line(target) as line:
        yield from _certificate(target, line)
        yield from _info(line.ask("GET", "/v1/info", Accept_Encoding="gzip, br"), target)
        yield from _unknown_path(line)
    with Line(target) as line:
        yield from _boxes(line, target)


def _certificate(target: Target, line: Line) -> Iterator[Finding]:
    shown = line.certificate
    if shown is None:
        level = Level.LOOK if target.is_sealed_otherwise else Level.WRONG
        yield Finding(level, "no TLS: whoever is in between sees every request")
        return
    if shown.why_not:
        yield Finding(Level.WRONG, f"the certificate is not trusted here: {shown.why_not}")
    else:
        yield Finding(Level.FINE, "the certificate and its chain are trusted by this machine")
    level = Level.FINE if shown.days_left > DAYS_LEFT else Level.WRONG
    yield Finding(level, f"the certificate ends in {shown.days_left:.0f} days: {shown.issuer}")
    level = Level.FINE if shown.tls in {"TLSv1.2", "TLSv1.3"} else Level.WRONG
    yield Finding(level, f"TLS version: {shown.tls}")


def _info(answer: Answer, target: Target) -> Iterator[Finding]:
    try:
        info = json.loads(answer.body)
        oldest, newest = info["versions"]
        asks_pass = info["pass"]
        fits = oldest <= VERSION <= newest
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NoAnswer(f"/v1/info is answered with {answer.status} and is no relay's") from None
    versions = f"protocol versions {oldest} to {newest}, and this program has {VERSION}"
    yield Finding(Level.FINE if fits else Level.WRONG, versions)
    if asks_pass and not target.relay_pass:
        yield Finding(Level.WRONG, "the relay asks for a pass: name its file in --pass-file")
    yield from _headers(answer)


def _headers(answer: Answer) -> Iterator[Finding]:
    server = answer.get("Server")
    level = Level.LOOK if server and any(map(str.isdigit, server)) else Level.FINE
    yield Finding(level, f"it calls itself {server}" if server else "it does not name itself")
    if answer.get("Cache-Control") != "no-store":
        yield Finding(Level.WRONG, "answers may be kept in between: Cache-Control is changed")
    if answer.get("Content-Encoding"):
        yield Finding(Level.WRONG, "something compresses answers: lengths then tell what is in")
    if answer.get("Transfer-Encoding"):
        yield Finding(
            Level.WRONG, "something sends answers on in pieces: lengths are no longer even"
        )
    others = sorted({name.lower() for name, _ in answer.headers} - _USUAL)
    for name in others:
        telltale = any(part in name for part in _TELLTALE)
        what = "something in between may keep visits" if telltale else "not of the relay"
        yield Finding(Level.WRONG if telltale else Level.LOOK, f"header {name}: {what}")
    if not others:
        yield Finding(Level.FINE, "no header tells of anything in between")
    if (date := answer.get("Date")) is not None:
        yield Finding(Level.FINE, f"header Date: {date}")


def _unknown_path(line: Line) -> Iterator[Finding]:
    path = f"/{os.urandom(8).hex()}"
    answer = line.ask("GET", path)
    if answer.status != 404 or path[1:].encode() in answer.body:
        yield Finding(Level.WRONG, f"an unknown path is answered with {answer.status}, not alike")


def _boxes(line: Line, target: Target) -> Iterator[Finding]:
    key = DeleteKey(os.urandom(ID_BYTES))
    deletion = _request(mailbox_id(key), deletes=(key,))
    try:
        yield from _lay_and_find(line, key)
        yield from _timing(line, key)
    except NoAnswer:
        with suppress(NoAnswer), Line(target) as other:
            other.sync(deletion)
        raise
    reply, answer = line.sync(deletion)
    gone = isinstance(reply.polls[0], Nothing)
    yield Finding(*_either(gone, "a box is deleted", "a box lies there after its deletion"))
    off = reply.clock - time.time()
    close = abs(off) < CLOCK_SECONDS
    yield Finding(
        *_either(close, f"its clock differs by {off:.0f} s", f"its clock is {off:.0f} s off")
    )
    yield from _headers_of_sync(answer)
    yield from _large(line)
    yield from _woken(target)


def _lay_and_find(line: Line, key: DeleteKey) -> Iterator[Finding]:
    box = os.urandom(BOX_BYTES)
    deposit = Deposit(mailbox_id(key), None, MIN_TTL_SECONDS, 0, box)
    reply, _ = line.sync(_request(deposit.id, deposits=(deposit,)))
    outcome = reply.deposits[0]
    stored = outcome is DepositOutcome.STORED
    yield Finding(*_either(stored, "a box is stored", _WHY_NOT.get(outcome, _OCCUPIED)))
    reply, _ = line.sync(_request(deposit.id))
    found = reply.polls[0] == Found(box)
    if stored:
        yield Finding(*_either(found, "a box is found", "a box that was stored is not found"))


def _timing(line: Line, key: DeleteKey) -> Iterator[Finding]:
    hits, misses = [], []
    for _ in range(ROUNDS):
        hits.append(line.sync(_request(mailbox_id(key)))[1].seconds)
        misses.append(line.sync(_request(MailboxId(os.urandom(ID_BYTES))))[1].seconds)
    hit, miss = median(hits), median(misses)
    said = f"a hit takes {1000 * hit:.1f} ms, a miss {1000 * miss:.1f} ms, in the middle"
    close = abs(hit - miss) < DIFFERENCE_SECONDS
    yield Finding(Level.FINE if close else Level.LOOK, said)


def _headers_of_sync(answer: Answer) -> Iterator[Finding]:
    for finding in _headers(answer):
        if finding.level is Level.WRONG:
            yield Finding(Level.WRONG, f"on a sync: {finding.sentence}")


def _large(line: Line) -> Iterator[Finding]:
    polls = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.SIXTEEN.polls))
    line.sync(SyncRequest(SyncClass.SIXTEEN, polls, room=16))
    yield Finding(Level.FINE, "the largest request and the largest answer pass")


def _woken(target: Target) -> Iterator[Finding]:
    """Have one line wait for what another one lays."""
    key = DeleteKey(os.urandom(ID_BYTES))
    place = mailbox_id(key)
    with Line(target) as waiting, Line(target) as other:
        asked = _request(place, wait_seconds=WAIT_SECONDS)
        waiting.send_sync(asked)
        deposit = Deposit(place, None, MIN_TTL_SECONDS, 0, os.urandom(BOX_BYTES))
        began = time.monotonic()
        outcome = other.sync(_request(place, deposits=(deposit,)))[0].deposits[0]
        reply, _ = waiting.receive_sync(asked)
        took = time.monotonic() - began
        other.sync(_request(place, deletes=(key,)))
    if outcome is not DepositOutcome.STORED:
        return
    in_time = took < WOKEN_SECONDS and isinstance(reply.polls[0], Found)
    yield Finding(
        *_either(
            in_time,
            f"who waits hears of a box after {took:.1f} s",
            f"who waits hears of a box only after {took:.0f} s: something holds answers back",
        )
    )


def _request(
    place: MailboxId,
    *,
    deletes: tuple[DeleteKey, ...] = (),
    deposits: tuple[Deposit, ...] = (),
    wait_seconds: int = 0,
) -> SyncRequest:
    size = SyncClass.ONE
    filling = (MailboxId(os.urandom(ID_BYTES)) for _ in range(size.polls - 1))
    return SyncRequest(size, (place, *filling), deletes, deposits, 1, wait_seconds)


def _either(good: bool, fine: str, wrong: str) -> tuple[Level, str]:  # noqa: FBT001 - what holds
    return (Level.FINE, fine) if good else (Level.WRONG, wrong)
