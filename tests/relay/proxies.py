"""A proxy in front of a relay, honest or not: what `selftest` has to see."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.relay.kit import Relay

Change = Callable[[str, list[tuple[str, str]], bytes], tuple[list[tuple[str, str]], bytes]]
"""Path, fields and body of an answer to what is sent on of it."""


def nothing(
    _: str, headers: list[tuple[str, str]], body: bytes
) -> tuple[list[tuple[str, str]], bytes]:
    """Send on what came."""
    return headers, body


@contextmanager
def proxied(relay: Relay, change: Change, before: Callable[[str], None]) -> Iterator[str]:
    """Give the address of a proxy in front of *relay*.

    Args:
        relay: where requests go.
        change: what becomes of answers.
        before: called with the path once an answer is there, before it is sent on.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            line = http.client.HTTPConnection(relay.host, relay.port, timeout=40)
            fields = {name: value for name, value in self.headers.items() if name != "Host"}
            line.request(self.command, self.path, self.rfile.read(size) or None, fields)
            answer = line.getresponse()
            headers, body = change(self.path, answer.getheaders(), answer.read())
            line.close()
            before(self.path)
            self.send_response_only(answer.status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
