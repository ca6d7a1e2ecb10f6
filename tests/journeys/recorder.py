"""An honest go-between of bytes before a relay: passes everything on, and remembers the boxes."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ojak_protocol.addresses import MailboxId, mailbox_id
from ojak_protocol.sync import SyncRequest, decode_reply, decode_request, encode_reply
from tests.journeys.children import PATIENCE_SECONDS, undisturbed


@dataclass
class Record:
    """What went through.

    Attributes:
        boxes: the bytes last deposited at each id.
        deleted: the ids whose deletion the relay acknowledged.
        requests: every sync, in order.
        before_deletion: called with the boxes about to be deleted, while they still lie there.
        before_passing: called with each request before the relay sees it.
        ahead_seconds: how far ahead the relay's clock seems to be.
        url: where to reach the relay through it.
    """

    boxes: dict[MailboxId, bytes] = field(default_factory=dict)
    deleted: set[MailboxId] = field(default_factory=set)
    requests: list[SyncRequest] = field(default_factory=list)
    before_deletion: Callable[[list[bytes]], None] = lambda _: None
    before_passing: Callable[[SyncRequest], None] = lambda _: None
    ahead_seconds: int = 0
    url: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def collected(self) -> list[bytes]:
        """The boxes that were deposited, read and deleted."""
        with self.changed:
            return [box for place, box in self.boxes.items() if place in self.deleted]

    def wait_for(self, reached: Callable[["Record"], bool]) -> bool:
        """Wait until *reached* holds; return whether it does."""
        with self.changed:
            return self.changed.wait_for(lambda: reached(self), PATIENCE_SECONDS)

    @property
    def laid(self) -> int:
        """How many boxes were deposited so far."""
        with self.changed:
            return len(self.boxes)

    def wait_for_rest(self) -> None:
        """Wait until somebody has nothing left to do but to wait."""
        assert self.wait_for(lambda seen: any(asked.wait_seconds for asked in seen.requests))

    def asked(self, request: SyncRequest) -> list[MailboxId]:
        """Note a request, and return the ids it deletes."""
        self.before_passing(request)
        with self.changed:
            self.requests.append(request)
            self.boxes |= {deposit.id: deposit.box for deposit in request.deposits}
            leaving = [mailbox_id(key) for key in request.deletes]
            lying = [self.boxes[place] for place in leaving if place in self.boxes]
            fresh = lying if not self.deleted.issuperset(leaving) else []
            self.changed.notify_all()
        if fresh:
            self.before_deletion(fresh)
        return leaving

    def answered(self, leaving: list[MailboxId]) -> None:
        """Note that the relay has done what was asked."""
        with self.changed:
            self.deleted.update(leaving)
            self.changed.notify_all()


def _ahead(reply: bytes, request: SyncRequest, seconds: int) -> bytes:
    if not seconds:
        return reply
    said = decode_reply(reply, request)
    return encode_reply(replace(said, clock=said.clock + seconds), request.room)


@contextmanager
def recording(host: str, port: int) -> Iterator[Record]:
    """Listen on a free port of loopback before the relay at *host* and *port*."""
    record = Record()

    class Handler(BaseHTTPRequestHandler):
        """Passes requests of one connection on over one connection."""

        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.relay = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)

        def finish(self) -> None:
            self.relay.close()
            super().finish()

        def do_POST(self) -> None:
            """Pass one sync on."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = decode_request(body)
            leaving = record.asked(request)
            self.relay.request("POST", self.path, body, {"Content-Type": "application/cbor"})
            answer = self.relay.getresponse()
            reply = answer.read()
            if answer.status == http.HTTPStatus.OK:
                record.answered(leaving)
                reply = _ahead(reply, request, record.ahead_seconds)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        """A client or a relay that is killed in the middle is no fault here."""

        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing."""

    with undisturbed():
        server = Server(("127.0.0.1", 0), Handler)
        record.url = f"http://127.0.0.1:{server.server_address[1]}"
        # A daemon: where this is interrupted before the block begins, nobody stops it.
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
