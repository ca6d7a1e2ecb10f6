"""The command `ojak-relay`: settings in, a running relay out.

The address is printed on standard output once the relay accepts; all else is on standard error.
Exit codes: 0 stopped as told, 1 cannot run, 2 wrong settings.
"""

import asyncio
import os
import re
import resource
import secrets
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import uvloop

from ojak_relay.app import App
from ojak_relay.clock import Clock
from ojak_relay.config import STORES, Config, load
from ojak_relay.connections import Server, bound_open_files, tls_context
from ojak_relay.errors import ConfigError, StoreUnusable
from ojak_relay.limits import Limits
from ojak_relay.memory import overwrite_freed
from ojak_relay.service import Service
from ojak_relay.store.base import Store
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.pages import PagesStore
from ojak_relay.store.resize import resize

_PASS: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,256}=*")
"""What `Authorization: Bearer` can carry; a client sends no other."""


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Keep sealed boxes for a while and forget them. Without a command: serve."""
    if context.invoked_subcommand is None:
        context.invoke(serve)


@main.command()
@click.option("--config", metavar="FILE", help="TOML file with settings.")
@click.option("--listen", metavar="HOST:PORT", help="Where to accept; port 0 takes a free one.")
@click.option("--store", type=click.Choice(STORES), help="Durable pages, memory, or valkey.")
@click.option("--path", metavar="FILE", help="File of the pages store.")
@click.option("--capacity", type=int, metavar="BOXES", help="How many boxes fit.")
@click.option("--valkey", metavar="URLS", help="Servers of the valkey store.")
@click.option("--valkey-password-file", metavar="FILE", help="File with their password.")
@click.option("--valkey-ca", metavar="FILE", help="PEM file: who vouches for them.")
@click.option("--valkey-replicas", type=int, metavar="N", help="How many must have a box.")
@click.option("--tls-certificate", metavar="FILE", help="PEM file; without one, plain HTTP.")
@click.option("--tls-key", metavar="FILE", help="PEM file.")
@click.option("--pass-file", metavar="FILE", help="File with the pass of a private relay.")
@click.option("--read-only", is_flag=True, default=None, help="Refuse every deposit.")
def serve(**flags: object) -> None:
    """Run until told to stop (SIGTERM or SIGINT)."""
    try:
        config = load(flags, os.environ)
        relay_pass = read_pass(config)
        tls_context(config)
    except ConfigError as error:
        _fail(str(error), 2)
    _report(config.describe())
    # What waits in memory, sources among it, is to lie on no disk after a crash.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = bound_open_files(config)
    if files < config.connections:
        _report(f"the system lets this process open {files} files, connections included")
    overwrite_freed()
    try:
        uvloop.run(run(config, relay_pass))
    except (StoreUnusable, ConfigError) as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"cannot listen on {config.listen}: {os.strerror(error.errno or 0)}", 1)


@main.command("resize")
@click.option("--config", metavar="FILE", help="TOML file with settings.")
@click.option("--path", metavar="FILE", help="File of the pages store.")
@click.option("--capacity", type=int, metavar="BOXES", help="How many boxes shall fit.")
def resize_store(**flags: object) -> None:
    """Make a store larger or smaller while no relay runs on it.

    What lies there stays. Killed at any moment nothing is lost, and the same command finishes.
    """
    try:
        config = load(flags, os.environ)
        before = resize(Path(config.path), config.capacity, disk=os)
    except ConfigError as error:
        _fail(str(error), 2)
    except StoreUnusable as error:
        _fail(str(error), 1)
    else:
        click.echo(f"boxes that fit: {config.capacity} (before: {before})")


async def run(config: Config, relay_pass: str) -> None:
    """Serve until a signal says stop; then answer all who wait and finish what is under way.

    Raises:
        StoreUnusable: the store cannot be opened.
        OSError: the address cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_stray_error)
    store = await open_store(config)
    clock = Clock(store.clock)
    service = Service(store, clock)
    if not clock.is_trusted:
        _report("the clock of this machine cannot be right; boxes age by the time that passes")
    if store.unreadable_pages:
        _report(
            f"the disk does not give {store.unreadable_pages} pages; their boxes are not served"
        )
    limits = Limits(config, loop.time, secrets.token_bytes)
    app = App(service, config, limits, relay_pass, _report)
    server = Server(app, config, limits)
    sweeper = asyncio.create_task(service.sweep())
    try:
        await _serve(config, server, service)
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        await store.close()


async def _serve(config: Config, server: Server, service: Service) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port = config.address()
    tls = tls_context(config)
    limit = config.header_seconds if tls else None
    listening = await loop.create_server(
        server,
        host,
        port,
        ssl=tls,
        ssl_handshake_timeout=limit,
        ssl_shutdown_timeout=limit,
        backlog=1024,
    )
    _announce("https" if tls else "http", listening)
    await stop.wait()
    listening.close()
    service.drain()
    await server.finish()


async def open_store(config: Config) -> Store:
    """Return the store that *config* names.

    Raises:
        ConfigError: a file that it needs cannot be used.
        StoreUnusable: it cannot be opened.
    """
    if config.store == "memory":
        return MemoryStore(config.capacity)
    if config.store == "valkey":
        try:
            # Only who keeps boxes there needs the library that asks such servers.
            from ojak_relay.store.valkey_open import open_valkey  # noqa: PLC0415
        except ModuleNotFoundError:
            raise StoreUnusable(
                "the store valkey needs hiredis: pip install ojak[valkey]"
            ) from None
        return await open_valkey(config, _report)
    return await PagesStore.open(Path(config.path), config.capacity)


def read_pass(config: Config) -> str:
    """Return the pass of a private relay, or nothing for a public one.

    Raises:
        ConfigError: the file cannot be read or holds no pass.
    """
    if not config.pass_file:
        return ""
    try:
        text = Path(config.pass_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"pass_file {config.pass_file} cannot be read") from None
    first_line = text.partition("\n")[0].strip()
    if not _PASS.fullmatch(first_line):
        raise ConfigError(
            f"the first line of pass_file {config.pass_file} must be a pass: "
            "letters, digits and -._~+/ only, = at its end"
        )
    return first_line


def _announce(scheme: str, listening: asyncio.Server) -> None:
    host, port = listening.sockets[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"listening on {scheme}://{shown}:{port}")
    sys.stdout.flush()


def _on_stray_error(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    # The loop's own handler prints addresses and tracebacks. A name is enough to go on.
    error = context.get("exception")
    if not isinstance(error, OSError):
        _report(f"internal error: {type(error).__name__}")


def _report(line: str) -> None:
    click.echo(f"ojak-relay: {line}", err=True)


def _fail(sentence: str, code: int) -> None:
    _report(sentence)
    sys.exit(code)


if __name__ == "__main__":
    main(prog_name="ojak-relay")
