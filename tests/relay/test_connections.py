"""What one connection may cost: time, memory, and how many there may be."""

import gzip
import resource
import select
import socket
import ssl
import time
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_protocol.sync import SyncClass, encode_request
from ojak_relay.config import Config
from ojak_relay.connections import FILES_BESIDES
from tests.relay.kit import MEMORY, Relay, request, running, sync_over
from tests.relay.lines import (
    certificate,
    client_hello,
    dial,
    head,
    is_ended,
    memory_bytes,
    raw,
    status,
)

MEGABYTE = 2**20
ZEROS = bytes(64 * MEGABYTE)
BOMBS = {
    "gzip": gzip.compress(ZEROS, 1),
    "gzip of empty members": gzip.compress(b"") * 3000,
    "deflate": zlib.compress(ZEROS, 1),
    # Heads are refused by name alone, so it does not matter that these would not open.
    "br": ZEROS[:60_000],
    "zstd": ZEROS[:60_000],
}
"""An encoding, and a body that is much more once it is decoded."""


def is_served(relay: Relay, context: ssl.SSLContext) -> bool:
    try:
        with dial(relay) as plain, context.wrap_socket(plain, server_hostname="localhost") as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n")
            return line.recv(1000).startswith(b"HTTP/1.1 200 OK")
    except OSError:
        return False


def read_to_end(line: socket.socket) -> None:
    while line.recv(10_000):
        pass


@pytest.mark.parametrize("name", BOMBS)
def test_a3_a_compressed_body_is_refused_and_never_decompressed(name: str) -> None:
    with running(*MEMORY) as relay:
        relay.sync(request())
        before = memory_bytes(relay)
        encoding = b"Content-Encoding: %s\r\n\r\n" % name.partition(" ")[0].encode()
        for size in [len(BOMBS[name])] + [kind.body_bytes for kind in SyncClass]:
            answer = raw(relay, head(size) + encoding + BOMBS[name][:size].ljust(size, b"\0"))
            # Where more is sent than is read, the system may drop the refusal.
            assert status(answer) == 415 if answer else size > 60_000
        relay.sync(request())
        assert memory_bytes(relay, "VmHWM") - before < 16 * MEGABYTE


def test_a7_whoever_asks_and_never_reads_is_cut_off_in_time() -> None:
    environment = {"OJAK_RELAY_BODY_SECONDS": "1"}
    # The answers are far more than the system takes for somebody who does not read.
    asked = b"GET /v1/info HTTP/1.1\r\nHost: r\r\n\r\n" * 100_000
    with running(*MEMORY, environment=environment) as relay, dial(relay) as line:
        with suppress(ConnectionError):
            line.sendall(asked)
        # To look for anything that came would be reading; the end is told of without.
        end = select.poll()
        end.register(line, 0)
        assert end.poll(20_000)


def test_a7_half_a_handshake_is_cut_off_in_time(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    tls = ("--tls-certificate", str(made), "--tls-key", str(private))
    sent = client_hello()
    with running(*MEMORY, *tls, environment={"OJAK_RELAY_HEADER_SECONDS": "1"}) as relay:
        for part in (b"", sent[:5], sent[:-1]):
            with dial(relay) as line:
                line.sendall(part)
                assert is_ended(line)
        with dial(relay) as line:
            line.sendall(sent)
            while not is_ended(line):  # The relay's half of the handshake comes first.
                pass
        assert len(relay.stop()[1].splitlines()) == 1


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_over_tls_each_request_is_answered_and_a_line_at_rest_stays_however_it_came(
    pieces: int, tmp_path: Path
) -> None:
    made, private = certificate(tmp_path)
    tls = ("--tls-certificate", str(made), "--tls-key", str(private))
    context = ssl.create_default_context(cafile=str(made))
    body = encode_request(request(room=0))
    one = head(len(body)) + b"\r\n" + body
    few = [one[:50], one[50:100], one[100:]][: pieces - 1]
    with running(*MEMORY, *tls, environment={"OJAK_RELAY_BODY_SECONDS": "1"}) as relay:
        with dial(relay) as plain, context.wrap_socket(plain, server_hostname="localhost") as line:
            for piece in few:
                line.sendall(piece)
                # What is sent at once is read at once; that of another comes between.
                assert is_served(relay, context)
            line.sendall(one[sum(map(len, few)) :] + one * 2)
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK") < 3:
                came = line.recv(10_000)
                assert came
                answers += came
            # Longer than an answer may be taken.
            line.settimeout(2.5)
            with pytest.raises(TimeoutError):
                read_to_end(line)


def test_a_long_head_that_comes_at_once_is_refused_before_it_is_whole() -> None:
    with running(*MEMORY, environment={"OJAK_RELAY_HEADER_SECONDS": "60"}) as relay:
        with dial(relay) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 40_000)
            assert line.recv(1000).startswith(b"HTTP/1.1 400")


def test_a7_the_system_closes_what_comes_beyond_the_cap_even_in_a_handshake(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    tls = ("--tls-certificate", str(made), "--tls-key", str(private))
    with running(*MEMORY, *tls, environment={"OJAK_RELAY_CONNECTIONS": "5"}) as relay:
        # Shorter than header_seconds: what has ended was closed at once.
        lines = [dial(relay, timeout=5) for _ in range(5 + FILES_BESIDES)]
        assert is_ended(lines[-1])
        for line in lines:
            line.close()
        context = ssl.create_default_context(cafile=str(made))
        # The relay learns of the ends a moment later.
        until = time.monotonic() + 20
        while not is_served(relay, context):
            assert time.monotonic() < until


def test_a_system_that_gives_fewer_files_than_connections_is_told_of() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running(*MEMORY, environment={"OJAK_RELAY_CONNECTIONS": str(hard)}) as relay:
        relay.sync(request())
        err = relay.stop()[1]
    assert "the system lets this process open" not in err  # Its connections just fit.
    with running(*MEMORY, environment={"OJAK_RELAY_CONNECTIONS": str(hard + 1)}) as relay:
        relay.sync(request())
        err = relay.stop()[1]
    assert f"the system lets this process open {hard} files, connections included" in err
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_an_honest_body_of_the_largest_class_has_time_at_50_kbit_a_second() -> None:
    # TLS, headers and what is sent again are not in the size: a quarter more.
    largest = SyncClass.SIXTEEN.body_bytes
    assert Config().transfer_seconds(largest) > 1.25 * largest / (50_000 / 8) + 10


def test_a_thousand_connections_that_came_and_went_leave_room_for_all() -> None:
    with running(*MEMORY, environment={"OJAK_RELAY_CONNECTIONS": "3"}) as relay:
        for _ in range(1000):
            dial(relay).close()
        lines = [relay.connect() for _ in range(3)]
        for line in lines:
            sync_over(line, request())
            line.close()


def test_the_relay_leaves_no_core_behind() -> None:
    with running(*MEMORY) as relay:
        limits = Path(f"/proc/{relay.process.pid}/limits").read_text()
    row = next(row for row in limits.splitlines() if row.startswith("Max core file size"))
    assert row.split()[4:6] == ["0", "0"]
