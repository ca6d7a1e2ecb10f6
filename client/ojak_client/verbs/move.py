"""`ojak move FOLDER`: take everything that is kept here to another folder, such as a stick."""

import shlex
from pathlib import Path

import click

from ojak_client import vault_move
from ojak_client.errors import VaultExists
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import open_vault
from ojak_client.store import vault_path
from ojak_client.vault_files import is_anything_there, is_closed, is_lock_left, is_move_begun
from ojak_client.verb import verb


@verb(HelpText.MOVE, examples=("ojak move /media/stick/ojak",))
@click.argument(
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar=told(HelpText.PROFILE_METAVAR),
    required=False,
)
@click.option("--back", is_flag=True, help=told(HelpText.MOVE_BACK))
def command(invocation: Invocation, *, folder: Path | None, back: bool) -> ExitCode:
    """Move the vault, or finish a move that was cut off, or take one back."""
    path = vault_path(invocation.own_profile())
    if back:
        return _take_back(invocation, path)
    if folder is None:
        raise Failure(Message.MOVE_NEEDS_PLACE)
    # What a move left that was killed while it erased is erased by the same call again.
    is_erased = is_lock_left(path) and vault_path(folder).exists()
    if path.exists() or not (is_anything_there(path) or is_erased):
        # What does not open here would not open there: it is tried before anything is closed.
        with open_vault(invocation):
            pass
        if not invocation.inputs.confirm(Message.ASK_MOVE):
            raise Failure(Message.NOT_MOVED)
    try:
        is_moved = vault_move.move(path, vault_path(folder))
    except VaultExists:
        raise Failure(Message.MOVE_PLACE_TAKEN) from None
    there = f"ojak --profile {shlex.quote(str(folder.absolute()))}"
    if not is_moved:
        raise Failure(Message.MOVE_REMAINS_ERASED, command=f"{there} status")
    invocation.output.say(Message.VAULT_MOVED, command=f"{there} keep")
    return ExitCode.DONE


def _take_back(invocation: Invocation, path: Path) -> ExitCode:
    if not is_closed(path) and not is_move_begun(path):
        raise Failure(Message.NO_MOVE_CUT_OFF)
    if not invocation.inputs.confirm(Message.ASK_MOVE_BACK):
        raise Failure(Message.NOT_MOVED)
    vault_move.take_back(path)
    invocation.output.say(Message.MOVED_BACK)
    return ExitCode.DONE
