"""`ojak contacts`: whom one can write to."""

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import open_vault
from ojak_client.profile import Contact
from ojak_client.verb import verb


@verb(HelpText.CONTACTS, examples=("ojak contacts",))
def command(invocation: Invocation) -> ExitCode:
    """Write one line for each contact."""
    with open_vault(invocation) as store:
        contacts = store.read().contacts
    if not contacts:
        raise Failure(Message.NO_CONTACTS, command="ojak invite")
    for contact in contacts:
        invocation.output.show(_standing(contact), name=contact.name)
    return ExitCode.DONE


def _standing(contact: Contact) -> Message:
    if any(not line.conversation.broken for line in contact.lines):
        return Message.CONTACT_MET
    if contact.lines and not contact.sets:
        return Message.CONTACT_ENDED
    return Message.CONTACT_AWAITED
