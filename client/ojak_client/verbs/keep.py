"""`ojak keep`: stay on, answer guests, carry letters, and say what happens."""

import contextlib
import os
import signal
from types import FrameType
from typing import NoReturn

import click

from ojak_client.errors import VaultBusy, VaultFull
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, command_line, told
from ojak_client.invocation import Invocation
from ojak_client.lookout import Lookout
from ojak_client.messages import Message
from ojak_client.opening import open_vault, relays_of
from ojak_client.pauses import FIRST_PAUSE_SECONDS
from ojak_client.service_manager import own_service_manager
from ojak_client.store import vault_path
from ojak_client.verb import verb
from ojak_client.verb_options import proxy_option
from ojak_client.voice import Voice
from ojak_client.watching import Keeping, Watch


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
                raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
            voice.say(Message.KEEPING)
            if metered:
                voice.warn(Message.METERED)
            manager.ready()
            _keep(Keeping(voice, store, lookout, proxy, metered, os.urandom), connections)
    except (_Stopped, KeyboardInterrupt) as ended:
        # It ends already: a second one would break off what is said of it.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        manager.stopping()
        voice.say(Message.KEEP_STOPPED)
        return ExitCode.DONE if isinstance(ended, _Stopped) else ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _keep(keeping: Keeping, connections: contextlib.ExitStack) -> NoReturn:
    watches: dict[str, Watch] = {}
    full: dict[str, Text] = {}
    is_troubled = False
    while True:
        try:
            # Read each time: another command may have added a contact, or forgotten the last one.
            relays = relays_of(keeping.store.read())
            if not relays:
                raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
            for gone in watches.keys() - set(relays):
                watches.pop(gone).close()
            for relay in relays:
                if relay not in watches:
                    watches[relay] = connections.enter_context(Watch(keeping, relay))
                lacking = _turn(watches[relay], alone=len(relays) == 1)
                if lacking is None:
                    full.pop(relay, None)
                    continue
                if lacking not in full.values():
                    keeping.voice.warn(lacking)
                full[relay] = lacking
                is_troubled = True
        except VaultBusy:
            # Another command is at it for long; what was not saved was not deleted at the relay.
            keeping.voice.say(Message.VAULT_BUSY)
            is_troubled = True
            keeping.lookout.nap(FIRST_PAUSE_SECONDS)
            continue
        full = {relay: lacking for relay, lacking in full.items() if relay in relays}
        if is_troubled and not full:
            keeping.voice.go_on()
            is_troubled = False
        nearest = min(watches[relay].ready_at for relay in relays)
        keeping.lookout.nap(max(0.0, nearest - keeping.clock()))


def _turn(watch: Watch, *, alone: bool) -> Text | None:
    """Do one turn, and return the sentence for what there was no room for, if there was not.

    What could not be saved was not acted upon: it is there when there is room again. Other relays
    have their turns meanwhile, as what they bring may be what makes room.
    """
    try:
        watch.turn(alone=alone)
    except VaultFull as error:
        watch.wait_for_room()
        return explain(error).message
    return None
