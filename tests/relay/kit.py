"""What the relay's tests share: boxes, requests, a real relay process."""

import http.client
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import (
    Deposit,
    SyncClass,
    SyncReply,
    SyncRequest,
    decode_reply,
    encode_request,
)

CBOR = {"Content-Type": "application/cbor"}
NOW = 1_800_000_000


def key(number: int) -> DeleteKey:
    return DeleteKey((number + 1).to_bytes(32, "big"))


def place(number: int) -> MailboxId:
    return mailbox_id(key(number))


def box(number: int) -> bytes:
    return (f"<box {number}>".encode() * 600)[:4000]


def boxes_in(data: bytes) -> set[int]:
    """Return the numbers of which any part of a box, some dozen bytes long, lies in *data*."""
    return {int(number) for number in set(re.findall(rb"<box (\d+)>", data))}


def deposit(
    number: int, content: int = 0, *, shown: bool = False, ttl: int = 600, after: int = 0
) -> Deposit:
    """Return a deposit of box *content* at place *number*, showing its key if *shown*."""
    return Deposit(place(number), key(number) if shown else None, ttl, after, box(content))


def request(
    *numbers: int,
    deletes: tuple[int, ...] = (),
    deposits: tuple[Deposit, ...] = (),
    room: int = 1,
    wait: int = 0,
) -> SyncRequest:
    """Return a request that polls the places *numbers* first, in the smallest class that fits."""
    size = next(size for size in SyncClass if size.deposits >= len(deposits))
    polls = [place(number) for number in numbers]
    filler = [place(10_000 + number) for number in range(size.polls - len(polls))]
    return SyncRequest(
        sync_class=size,
        polls=tuple(polls + filler),
        deletes=tuple(key(number) for number in deletes),
        deposits=deposits,
        room=room,
        wait_seconds=wait,
    )


@dataclass
class Relay:
    """A running relay process."""

    process: subprocess.Popen[str]
    host: str
    port: int
    pid: int = 0
    """Of the relay, where *process* only started it."""

    killed: bool = False

    def kill(self) -> None:
        """Kill the relay itself, once: a number that was given back may be another's."""
        if not self.killed:
            self.killed = True
            with suppress(ProcessLookupError):
                os.kill(self.pid or self.process.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send the relay itself a signal."""
        os.kill(self.pid or self.process.pid, number)

    def connect(self, timeout: float = 10) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def sync(self, asked: SyncRequest, headers: dict[str, str] | None = None) -> SyncReply:
        connection = self.connect(timeout=40)
        try:
            return sync_over(connection, asked, headers)
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Tell it to stop; return its exit code and what it wrote to standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err


def sync_over(
    connection: http.client.HTTPConnection,
    asked: SyncRequest,
    headers: dict[str, str] | None = None,
) -> SyncReply:
    connection.request("POST", "/v1/sync", encode_request(asked), CBOR | (headers or {}))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body)
    return decode_reply(body, asked)


def start(
    *arguments: str,
    environment: dict[str, str] | None = None,
    program: tuple[str, ...] = (),
    errors: IO[str] | None = None,
) -> subprocess.Popen[str]:
    """Start a relay process, or another *program* that takes the same arguments.

    What it writes to standard error goes to *errors*, or is read at its end: little then.
    """
    command = program or ("-m", "ojak_relay", "serve", "--listen", "127.0.0.1:0")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OJAK_")}
    return subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors or subprocess.PIPE,
        text=True,
        env=kept | (environment or {}),
    )


def address_of(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Return host and port that *process* says it listens on."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 20)
    line = process.stdout.readline() if ready else ""
    if not line.startswith("listening on "):
        process.kill()
        raise AssertionError(process.communicate()[1])
    host, _, port = line.split("://")[1].strip().rpartition(":")
    return host, int(port)


@contextmanager
def running(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Relay]:
    """Run a relay for the length of the block."""
    process = start(*arguments, environment=environment)
    try:
        yield Relay(process, *address_of(process))
    finally:
        process.kill()
        process.communicate()


def pages(path: Path, capacity: int = 100) -> tuple[str, ...]:
    """Return the arguments for a pages store."""
    return "--store", "pages", "--path", str(path), "--capacity", str(capacity)


MEMORY = ("--store", "memory", "--capacity", "1000")
