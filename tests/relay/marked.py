"""S5: everything hostile, marked all over, and the search for a mark in what a relay leaves."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import Deposit, SyncClass, SyncRequest, encode_request
from tests.relay.kit import Relay, key, place
from tests.relay.lines import BODY, HEAD, dial, head
from tests.relay.test_http import HOSTILE_HEADS

MARK: Final = b"Marker77"
KEY: Final = DeleteKey((MARK * 4)[:32])
ID: Final = mailbox_id(KEY)
OTHER_ID: Final = MailboxId((b"Polled88" * 4)[:32])
BOX: Final = b"Sealed99" * 500
SOURCES: Final = [f"127.66.{third}.{fourth}" for third in (66, 77) for fourth in (66, 77, 88)]

MARKS: Final[dict[str, bytes]] = {
    "header or body": MARK,
    "id": ID,
    "polled id": OTHER_ID,
    "box": b"Sealed99",
    "user agent": b"Agent55",
    "forwarded": b"203.0.113.55",
} | {source: source.encode() for source in SOURCES}
"""What is looked for, and under which name it is reported."""


def asked(
    *, deletes: tuple[DeleteKey, ...] = (), deposits: tuple[Deposit, ...] = ()
) -> SyncRequest:
    """Return a marked request."""
    polls = (ID, OTHER_ID, *(place(n) for n in range(SyncClass.ONE.polls - 2)))
    return SyncRequest(
        sync_class=SyncClass.ONE, polls=polls, deletes=deletes, deposits=deposits, room=1
    )


def corpus() -> Iterator[bytes]:
    """Return marked requests: refused ones of every kind, and some that are served."""
    for sent, _ in HOSTILE_HEADS.values():
        if len(sent) < 20_000:
            yield sent
    fields = b"User-Agent: Agent55\r\nX-Forwarded-For: 203.0.113.55\r\nX-Marker77: Marker77\r\n"
    yield HEAD + fields + b"Authorization: Bearer Marker77\r\n\r\n" + BODY
    yield head(len(BODY)) + fields + b"\r\n" + (MARK * 200)[: len(BODY)]
    for path in (b"/Marker77", b"/v1/sync?Marker77", b"/healthz", b"/v1/info"):
        yield b"GET " + path + b" HTTP/1.1\r\nHost: Marker77\r\n" + fields + b"\r\n"
    for request in (
        asked(deposits=(Deposit(ID, None, 600, 0, BOX),)),
        asked(deposits=(Deposit(ID, KEY, 600, 0, BOX),)),
        asked(deletes=(KEY, key(1))),
    ):
        body = encode_request(request)
        yield head(len(body)) + fields + b"\r\n" + body
        # Half of it, and then nothing.
        yield head(len(body)) + fields + b"\r\n" + body[: len(body) // 2]


def send_all(relay: Relay) -> list[str]:
    """Send the corpus from every source; return which marks came back in a refusal."""
    found = []
    for source in SOURCES:
        for sent in corpus():
            with dial(relay, source=source, timeout=5) as line:
                try:
                    line.sendall(sent)
                    line.shutdown(socket.SHUT_WR)  # Nothing more comes: who waits for more ends.
                    answer = _all(line)
                except OSError:
                    continue
            if not answer.startswith(b"HTTP/1.1 200"):
                found += [f"{name} in an answer" for name in marks_in(answer)]
    return found


def marks_in(data: bytes) -> list[str]:
    """Return the names of the marks in *data*."""
    return [name for name, mark in MARKS.items() if mark in data]


def marks_in_files(folder: Path) -> list[str]:
    """Return the marks in the files and names of files in *folder*."""
    found = []
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        found += [f"{name} in {file.name}" for name in marks_in(content + file.name.encode())]
    return found


def _all(line: socket.socket) -> bytes:
    received = bytearray()
    until = time.monotonic() + 5
    while time.monotonic() < until and (piece := line.recv(65_536)):
        received += piece
    return bytes(received)
