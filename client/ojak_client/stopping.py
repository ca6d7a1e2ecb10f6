"""Writing to somebody who asked not to be written to."""

from ojak_client.failures import Failure
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.profile import Contact


def confirm_writing(invocation: Invocation, contact: Contact) -> None:
    """Return if nothing speaks against writing to *contact*, or our person wants to all the same.

    Raises:
        Failure: they asked to stop, and our person heeds it or cannot be asked.
    """
    if not contact.asked_to_stop:
        return
    inputs = invocation.inputs
    if inputs.no_input and not inputs.assume_yes:
        raise Failure(Message.STOP)
    if not inputs.confirm(Message.WRITE_ANYWAY):
        raise Failure(Message.NOT_DONE)
