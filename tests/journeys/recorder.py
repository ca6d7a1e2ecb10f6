"""An honest go-between of bytes before a relay: passes everything on, and remembers the boxes."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ojak_protocol.addresses import MailboxId, mailbox_id
from ojak_protocol.sync import SyncRequest, decode_request
from tests.journeys.actors import PATIENCE_SECONDS, undisturbed


@dataclass
class Record:
    """What went through.

    Attributes:
        boxes: the bytes last deposited at each id.
        deleted: the ids whose deletion the relay acknowledged.
        requests: every sync, in order.
        before_deletion: called with the boxes about to be deleted, while they still lie there.
    """

    boxes: dict[MailboxId, bytes] = field(default_factory=dict)
    deleted: set[MailboxId] = field(default_factory=set)
    requests: list[SyncRequest] = field(default_factory=list)
    before_deletion: Callable[[list[bytes]], None] = lambda _: None
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

    def asked(self, body: bytes) -> list[MailboxId]:
        """Note a request, and return the ids it deletes."""
        request = decode_request(body)
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
            leaving = record.asked(body)
            self.relay.request("POST", self.path, body, {"Content-Type": "application/cbor"})
            answer = self.relay.getresponse()
            reply = answer.read()
            if answer.status == http.HTTPStatus.OK:
                record.answered(leaving)
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
