"""Using another relay for a contact from now on."""

from dataclasses import replace

from ojak_client.profile import Contact


def with_relay(contact: Contact, relay: str) -> Contact:
    """Return the contact with everything that lies at its relay still to be laid at *relay*.

    What lies at the old relay goes there by its time to live. What the other side laid there and
    we have not collected comes again, as its client lays it at the new relay.
    """
    if relay == contact.relay:
        return contact
    lines = tuple(
        replace(
            line,
            conversation=replace(
                line.conversation,
                outbox=tuple(replace(out, deposited_at=0) for out in line.conversation.outbox),
                deletes=(),
            ),
        )
        for line in contact.lines
    )
    sets = tuple(
        replace(
            one,
            point=replace(
                one.point, offers=tuple(replace(laid, laid=False) for laid in one.point.offers)
            ),
        )
        for one in contact.sets
    )
    return replace(contact, relay=relay, lines=lines, sets=sets)
