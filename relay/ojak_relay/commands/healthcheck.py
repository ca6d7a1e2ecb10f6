"""`ojak-relay healthcheck`: for a container that has no other program to ask with."""

import http.client
import ssl
from pathlib import Path
from typing import Final

import click

from ojak_relay.commands.options import fail, options, settings
from ojak_relay.config import Config
from ojak_relay.sockets import connected

SECONDS: Final = 4
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not by us


@click.command("healthcheck")
@options("config", "listen", "tls_certificate", "tls_key")
def command(**flags: object) -> None:
    """Ask the relay that listens where these settings say, and end with 0 if it can serve."""
    config = settings(flags)
    try:
        line = _line(config)
        line.request("GET", "/readyz")
        answer = line.getresponse()
        answer.read(100)
        line.close()
    except (OSError, http.client.HTTPException):
        fail("the relay does not answer")
    if answer.status != http.HTTPStatus.OK:
        fail(f"the relay cannot serve: it answers {answer.status}")
    click.echo("the relay can serve")


def _line(config: Config) -> http.client.HTTPConnection:
    address = config.address()
    context = None
    if config.tls_certificate:
        # Whether it runs is asked, on its own machine; its name is another's to check.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if isinstance(address, Path):
        line = http.client.HTTPConnection("localhost", timeout=SECONDS)
        own = connected(address, SECONDS)
        line.sock = context.wrap_socket(own) if context else own
        return line
    host, port = _ANY.get(address[0], address[0]), address[1]
    if context is None:
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
