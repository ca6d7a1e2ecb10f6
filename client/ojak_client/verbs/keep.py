"""`ojak keep`: stay on, answer guests, carry letters, and say what happens."""

import contextlib
import os
import signal
from types import FrameType
from typing import Final, NoReturn

import click

from ojak_client.errors import VaultBusy, VaultFull
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.lookout import Lookout
from ojak_client.messages import Message
from ojak_client.opening import open_vault, relays_of
from ojak_client.pauses import FIRST_PAUSE_SECONDS
from ojak_client.service_manager import own_service_manager
from ojak_client.steady import steady_seconds
from ojak_client.store import vault_path
from ojak_client.verb import verb
from ojak_client.verb_options import proxy_option
from ojak_client.voice import Voice
from ojak_client.watching import Keeping, Watch

FULL_PAUSE_SECONDS: Final = 30.0


class _Stopped(BaseException):
    """SIGTERM arrived. Every step survives a kill, so any place is good to stop at."""


@verb(HelpText.KEEP, examples=("ojak keep", "ojak keep --metered"))
@click.option("--metered", is_flag=True, help=told(HelpText.METERED))
@proxy_option()
def command(invocation: Invocation, proxy: str | None, *, metered: bool) -> ExitCode:
    """Wait at each number and on each conversation until stopped."""
    manager = own_service_manager()
    voice = Voice(invocation.output, manager)
    lookout = Lookout(vault_path(invocation.own_profile()), manager.alive)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with open_vault(invocation) as store, contextlib.ExitStack() as connections:
            if not relays_of(store.read()):
                raise Failure(Message.NO_CONTACTS, command="ojak invite")
            voice.say(Message.KEEPING)
            if metered:
                voice.warn(Message.METERED)
            manager.ready()
            _keep(Keeping(voice, store, lookout, proxy, metered, os.urandom), connections)
    except (_Stopped, KeyboardInterrupt) as ended:
        manager.stopping()
        voice.say(Message.KEEP_STOPPED)
        return ExitCode.DONE if isinstance(ended, _Stopped) else ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _keep(keeping: Keeping, connections: contextlib.ExitStack) -> NoReturn:
    watches: dict[str, Watch] = {}
    is_full = is_troubled = False
    while True:
        try:
            # Read each time: another command may have added a contact.
            relays = relays_of(keeping.store.read())
            for relay in relays:
                if relay not in watches:
                    watches[relay] = connections.enter_context(Watch(keeping, relay))
                watches[relay].turn(alone=len(relays) == 1)
        except VaultBusy:
            # Another command is at it for long; what was not saved was not deleted at the relay.
            keeping.voice.say(Message.VAULT_BUSY)
            is_troubled = True
            relays = ()
        except VaultFull:
            # What could not be saved was not acted upon: it is there when there is room again.
            if not is_full:
                keeping.voice.warn(Message.VAULT_FULL)
            is_full = is_troubled = True
            keeping.lookout.nap(FULL_PAUSE_SECONDS)
            continue
        is_full = False
        if is_troubled and relays:
            keeping.voice.go_on()
            is_troubled = False
        keeping.lookout.nap(_until_next([watches[relay] for relay in relays]))


def _until_next(watches: list[Watch]) -> float:
    """Return for how many seconds no relay is to be asked."""
    if not watches:
        return FIRST_PAUSE_SECONDS
    return max(0.0, min(watch.ready_at for watch in watches) - steady_seconds())
