"""A server on a real socket that says exactly the bytes a test gives it, as slowly as it likes."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Talk = Callable[["Guest"], None]


@dataclass
class Server:
    """What a test sees of the server: where it is and what came in."""

    listener: socket.socket
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    tls_resumed: list[bool] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop_listening(self) -> None:
        """Refuse every connection from now on; those that are made go on."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@dataclass
class Guest:
    """One accepted connection; all calls end when the test is over."""

    stream: socket.socket
    server: Server

    def hear(self) -> bytes:
        """Record and return one whole request, or nothing if the connection ended before."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = self.stream.recv(65536)
            if not piece:
                return b""
            heard += piece
        head, _, body = heard.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        while len(body) < length:
            body += self.stream.recv(65536)
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return self.server.requests[-1]

    def say(self, data: bytes) -> None:
        self.stream.sendall(data)

    def drip(self, data: bytes, *, every_seconds: float = 0.05) -> None:
        """Send one byte at a time until all is sent or the test is over."""
        for position in range(len(data)):
            if self.server.over.wait(every_seconds):
                return
            self.say(data[position : position + 1])

    def hold(self) -> None:
        """Say nothing and keep the connection until the test is over."""
        self.server.over.wait(30)


@contextmanager
def serving(talk: Talk, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run *talk* with each connection that comes, in a thread of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener, listener.getsockname()[1])
    streams: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def welcome(stream: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(stream):
            if tls is None:
                talk(Guest(stream, server))
                return
            with tls.wrap_socket(stream, server_side=True) as sealed:
                streams.append(sealed)
                server.tls_resumed.append(bool(sealed.session_reused))
                talk(Guest(sealed, server))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = listener.accept()
                server.connections += 1
                streams.append(stream)
                threads.append(threading.Thread(target=welcome, args=(stream,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.over.set()
        server.stop_listening()
        acceptor.join()
        for stream in streams:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def answering(*answers: bytes) -> Talk:
    """Give these answers on each connection, one a request, then close it."""

    def talk(guest: Guest) -> None:
        for answer in answers:
            if not guest.hear():
                return
            guest.say(answer)

    return talk


def reply(
    body: bytes, *fields: str, status: str = "200 OK", kind: str = "application/cbor"
) -> bytes:
    """Return a whole answer with its length; *fields* are further header lines."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *fields,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body
