"""Going to another relay together with the other side, without a box left behind.

Who moves says so in a letter, and looks at both relays from then on; it deposits at the old one
until the letter was acknowledged. Who reads that letter and agrees deposits at the new one, and
goes on looking at the old one for a while. So whatever either has deposited is looked for where it
lies. Boxes are deleted at the relay at which they were found.
"""

from typing import Final

from ojak_client.our_letters import references_in, sealed_references
from ojak_client.profile import Contact, LetterState, QuestionSet
from ojak_protocol.addresses import DeleteKey
from ojak_protocol.conversation import Conversation, Outgoing
from ojak_protocol.values import replace

LOOKED_BACK_SECONDS: Final = 30 * 24 * 3600
"""How long the former relay is looked at: as long as any box may lie there."""

_ARRIVED: Final = frozenset({LetterState.READ, LetterState.COLLECTED})


def begin_move(contact: Contact, address: str, *, reference: int, now: int) -> Contact:
    """Return the contact looking at *address* too, until letter *reference* was acknowledged."""
    return replace(
        contact, also=address, also_until=now + LOOKED_BACK_SECONDS, moves_with=reference
    )


def all_know(contact: Contact) -> bool:
    """Return whether no side that stays still has to acknowledge that we move.

    To go because a visitor knows it would leave them behind: what says so is deposited at the new
    relay from then on, where they do not look.
    """
    return not any(
        line.kept and not line.conversation.broken and contact.moves_with in references_in(line)
        for line in contact.lines
    )


def all_look_back(contact: Contact, *, now: int) -> bool:
    """Return whether each side that stays still looks at the relay that we went from.

    Who met us since we went never knew of it, and after its days nobody looks there any more.
    """
    went_at = contact.also_until - LOOKED_BACK_SECONDS
    return now < contact.also_until and all(
        line.confirmed_at < went_at
        for line in contact.lines
        if line.kept and not line.conversation.broken
    )


def move(contact: Contact, address: str, *, now: int) -> Contact:
    """Return the contact using *address* from now on, and looking back at the relay before.

    Everything unacknowledged is deposited again, at the new relay; offers are laid there anew.
    """
    lies_behind = tuple(
        key
        for line in contact.lines
        for key in line.conversation.deletes
        if key not in contact.elsewhere
    )
    return replace(
        contact,
        relay=address,
        also=contact.relay,
        also_until=now + LOOKED_BACK_SECONDS,
        moves_with=0,
        elsewhere=lies_behind,
        lines=tuple(
            replace(line, conversation=_undeposited(line.conversation)) for line in contact.lines
        ),
        sets=tuple(_unlaid(one) for one in contact.sets),
        parts=tuple(replace(part, deposited_at=0, replaces=False) for part in contact.parts),
    )


def settle_move(contact: Contact, *, now: int) -> Contact:
    """Return the contact without its other relay once there is nothing to look for any more.

    That is so when the letter that says we move was taken back, and when whatever lay at the former
    relay is past its time.
    """
    if not contact.also:
        return contact
    if contact.moves_with:
        says_so = (one for one in contact.ours if one.reference == contact.moves_with)
        letter = next(says_so, None)
        if letter is not None and letter.state in _ARRIVED and all_know(contact):
            # Who had yet to acknowledge it is gone.
            return move(contact, contact.also, now=now)
        forgotten = contact.moves_with not in sealed_references(contact)
        over = (
            letter is None
            or letter.state is LetterState.TAKEN_BACK
            or (letter.state is LetterState.ASKED_BACK and forgotten)
        )
    else:
        over = now >= contact.also_until
    if not over:
        return contact
    return replace(contact, also="", also_until=0, moves_with=0, elsewhere=())


def deletes_at(contact: Contact, relay: str) -> tuple[DeleteKey, ...]:
    """Return the keys of boxes that were read and lie at *relay*."""
    here = relay == contact.relay
    return tuple(
        key
        for line in contact.lines
        for key in line.conversation.deletes
        if (key in contact.elsewhere) is not here
    )


def found_at(before: Contact, after: Contact, relay: str) -> Contact:
    """Return *after* with every key that it has more than *before* put down as found at *relay*."""
    known = {key for line in before.lines for key in line.conversation.deletes}
    owed = [key for line in after.lines for key in line.conversation.deletes]
    there = [key for key in owed if key not in known and relay != after.relay]
    kept = [key for key in after.elsewhere if key in owed]
    return replace(after, elsewhere=tuple(dict.fromkeys((*kept, *there))))


def _undeposited(state: Conversation) -> Conversation:
    def anew(sent: tuple[Outgoing, ...]) -> tuple[Outgoing, ...]:
        return tuple(replace(outgoing, deposited_at=0, repeated=False) for outgoing in sent)

    return replace(state, outbox=anew(state.outbox), farewell=anew(state.farewell))


def _unlaid(one: QuestionSet) -> QuestionSet:
    offers = tuple(replace(laid, laid=False) for laid in one.point.offers)
    return replace(one, point=replace(one.point, offers=offers))
