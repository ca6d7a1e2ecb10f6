"""`ojak passphrase`: change the passphrase, or add one that opens something empty.

What is said, asked and written is the same whatever passphrase it is called with: a decoy knows
no more of itself than that it is a vault.
"""

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import opened_vault
from ojak_client.verb import verb
from ojak_client.verb_options import new_passphrase_fd_option


@verb(HelpText.PASSPHRASE, examples=("ojak passphrase",))
@click.option("--decoy", is_flag=True, help=told(HelpText.DECOY))
@new_passphrase_fd_option()
def command(invocation: Invocation, new_passphrase_fd: int | None, *, decoy: bool) -> ExitCode:
    """Ask for the present passphrase, then twice for the new one."""
    with opened_vault(invocation) as vault:
        if decoy:
            invocation.output.say(Message.ABOUT_DECOY)
            if not invocation.inputs.confirm(Message.ASK_DECOY):
                raise Failure(Message.DECOY_NOT_MADE)
        with invocation.inputs.further_passphrase(new_passphrase_fd) as passphrase:
            change = vault.add_decoy if decoy else vault.change_passphrase
            change(passphrase.data)
    invocation.output.say(Message.DECOY_MADE if decoy else Message.PASSPHRASE_CHANGED)
    return ExitCode.DONE
