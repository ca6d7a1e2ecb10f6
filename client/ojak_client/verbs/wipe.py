"""`ojak wipe`: erase everything kept on this device. It asks once."""

from ojak_client import vault
from ojak_client.errors import VaultBusy
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.store import vault_path
from ojak_client.vault_files import is_anything_there, is_lock_left
from ojak_client.verb import verb


@verb(HelpText.WIPE, examples=("ojak wipe",))
def command(invocation: Invocation) -> ExitCode:
    """Overwrite and remove the vault."""
    path = vault_path(invocation.own_profile())
    # A wipe or a move that was killed may have left one of the files, under another name.
    if not (is_anything_there(path) or is_lock_left(path)):
        raise Failure(Message.VAULT_MISSING)
    if not invocation.inputs.confirm(Message.ASK_WIPE):
        raise Failure(Message.NOT_WIPED)
    try:
        vault.wipe(path)
    except VaultBusy:
        # All is removed, but a process that was in the middle of a save may have put it back.
        vault.wipe(path)
    invocation.output.say(Message.WIPED)
    return ExitCode.DONE
