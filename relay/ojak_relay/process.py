"""One relay process from its first line to its last.

SIGTERM and SIGINT: answer all who wait, finish what is under way, end. SIGHUP: read the certificate
again. `drain` of the operator: let others go elsewhere first, then end.
"""

import asyncio
import os
import secrets
import signal
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Final

import click

from ojak_relay.app import App
from ojak_relay.clock import Clock
from ojak_relay.config import Address, Config
from ojak_relay.connections import Server, reload_certificate, tls_context
from ojak_relay.control import Control
from ojak_relay.errors import ConfigError
from ojak_relay.limits import Limits
from ojak_relay.listening import is_public, listen
from ojak_relay.log import Log
from ojak_relay.opening import open_store
from ojak_relay.service import Service
from ojak_relay.service_manager import ADDRESS_VARIABLE, ServiceManager
from ojak_relay.sockets import reason, shown
from ojak_relay.state import State, log_counts, state_of

QUIET_SECONDS: Final = 3.0
"""A relay that drains ends when no sync came for so long."""


async def run(config: Config, relay_pass: str, log: Log) -> None:
    """Serve until told to end; then answer all who wait and finish what is under way.

    Raises:
        StoreUnusable: the store cannot be opened.
        ConfigError: a file that the settings name cannot be used.
        CannotListen: an address cannot be listened on.
        OSError: the system gives no timer.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_strays(log))
    manager = ServiceManager(os.environ.get(ADDRESS_VARIABLE, ""))
    store = await open_store(config, log, manager)
    clock = Clock(store.clock)
    service = Service(store, clock)
    if not clock.is_trusted:
        log("the clock of this machine cannot be right; boxes age by the time that passes")
    if store.unreadable_pages:
        log(f"the disk does not give {store.unreadable_pages} pages; their boxes are not served")
    limits = Limits(config, loop.time, secrets.token_bytes)
    app = App(service, config, limits, relay_pass, log.once)
    server = Server(app, config, limits)
    # The operator's lines end last: that they end says that the store is free.
    async with AsyncExitStack() as lines, AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        stack.push_async_callback(_end, asyncio.create_task(service.sweep()))
        await Process(config, log, server, app, service).serve(stack, lines, manager)


class Process:
    """What listens, and what is heard from the system and the operator."""

    def __init__(
        self, config: Config, log: Log, server: Server, app: App, service: Service
    ) -> None:
        self._config = config
        self._log = log
        self._server = server
        self._app = app
        self._service = service
        self._told = asyncio.Event()
        self._drain = False

    def state(self) -> State:
        """Return what is true of the relay now."""
        return state_of(self._config, self._service, self._app, self._server)

    async def serve(
        self, stack: AsyncExitStack, lines: AsyncExitStack, manager: ServiceManager
    ) -> None:
        """Listen, and return when told to end and nothing is under way any more.

        Args:
            stack: is given what is to be closed then.
            lines: is given the operator's lines.
            manager: is told once it serves.
        """
        config = self._config
        tls = tls_context(config)
        self._heed_signals(tls)
        listening = await listen(self._server, config.address(), config, tls)
        stack.callback(listening.close)
        await self._tell_prometheus(stack)
        await self._heed_operator(lines)
        if config.log_minutes:
            repeating = log_counts(self._log, self.state, config.log_minutes * 60)
            counting = asyncio.create_task(repeating)
            stack.push_async_callback(_end, counting)
        _announce(listening.address, "https" if tls else "http")
        stack.push_async_callback(_end, asyncio.create_task(manager.ready()))
        await self._told.wait()
        if self._drain:
            self._log("draining: deposits are refused, and it ends when nobody comes any more")
            # Who waits is not answered yet: he would come back before a proxy knows.
            self._service.retire()
            await self._app.drain(QUIET_SECONDS)
        listening.close()
        self._service.drain()
        await self._server.finish()

    def _heed_signals(self, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, tls)

    def _stop(self) -> None:
        self._told.set()
        self._app.hurry()

    def _start_draining(self) -> Mapping[str, int]:
        self._drain = True
        self._told.set()
        return self.state().all() | {"draining": 1}

    def _reload(self, tls: ssl.SSLContext | None) -> None:
        if tls is None:
            self._log("no certificate to read again")
            return
        try:
            reload_certificate(tls, self._config)
        except ConfigError as error:
            self._log(f"the certificate before is still used: {error}")
        else:
            self._log("the certificate was read again")

    async def _tell_prometheus(self, stack: AsyncExitStack) -> None:
        address = self._config.metrics_address()
        if address is None:
            return
        from ojak_relay.metrics import Metrics  # noqa: PLC0415 - off by default, and slow to load

        loop = asyncio.get_running_loop()
        limits = Limits(self._config, loop.time, secrets.token_bytes)
        server = Server(Metrics(self.state), self._config, limits)
        listening = await listen(server, address, self._config, None)
        stack.callback(listening.close)
        self._log(f"metrics on {shown(listening.address, 'http')}/metrics")
        if is_public(listening.address):
            self._log("metrics can be read by whoever reaches that address: give one of your own")

    async def _heed_operator(self, lines: AsyncExitStack) -> None:
        path = self._config.control_path()
        if path is None:
            return
        answers = {"stats": lambda: self.state().all(), "drain": self._start_draining}
        try:
            control = await Control.open(path, answers)
        except OSError as error:
            self._log(f"no commands to this relay: {path}: {reason(error)}")
        else:
            lines.callback(control.close)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _announce(address: Address, scheme: str) -> None:
    click.echo(f"listening on {shown(address, scheme)}")
    sys.stdout.flush()


def _strays(log: Log) -> Callable[[asyncio.AbstractEventLoop, dict[str, object]], None]:
    def on_stray_error(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        # The loop's own handler prints addresses and tracebacks. A name is enough to go on.
        error = context.get("exception")
        if not isinstance(error, OSError):
            log.once(f"internal error: {type(error).__name__}")

    return on_stray_error
