"""Which conversations of a contact are kept, and which are forgotten with their keys. Pure."""

from typing import Final

from ojak_client.moment import Moment
from ojak_client.our_letters import marked_possibly_read, references_in
from ojak_client.profile import Contact, Line
from ojak_client.room import without_left_behind
from ojak_client.sharing import STAYING_LINES, Share, lines_bytes
from ojak_protocol.values import replace

KEPT_LINES: Final = STAYING_LINES
"""How many conversations with own devices of one contact are kept, the newest ones; of those that
are held as many again, and of those with the alarm word as many."""
KEPT_VISITS: Final = 8
"""How many conversations with borrowed devices of one contact are kept; of those held as many
again. Where there are many contacts, they are fewer."""
FORGOTTEN_AFTER_SECONDS: Final = 24 * 3600


def forget_lines(contact: Contact, share: Share, moment: Moment) -> Contact:
    """Erase lines to sides that kept nothing; letters unacknowledged in them wait again."""
    # However wrong the clock was when it was confirmed, and whichever way it was set since.
    old = [
        line
        for line in contact.lines
        if not line.kept and abs(moment.now - line.confirmed_at) >= FORGOTTEN_AFTER_SECONDS
    ]
    young = [line for line in contact.lines if line not in old]
    if len(young) > 1:
        # One alone is the newest of its sort, which nothing pushes out.
        for kept, most in ((True, KEPT_LINES), (False, KEPT_VISITS)):
            for alike in _sorts(young, kept=kept):
                old += alike[:-most]
        old += _too_many([line for line in young if line not in old], share)
    for line in old:
        contact = marked_possibly_read(contact, references_in(line))
    contact = replace(contact, lines=tuple(line for line in contact.lines if line not in old))
    return without_left_behind(contact)


def _sorts(lines: list[Line], *, kept: bool) -> list[list[Line]]:
    """Return those of *lines* that count together, oldest first.

    Somebody who comes again and again must not fill the vault; and whoever comes with answers that
    were seen, or forces somebody, must not push out a conversation with the family: those count
    apart. The newest of those that stay is the one that is written to. Of visits on borrowed
    devices few are not held, as each spends its answers. They count alike after either word: by
    which is forgotten, whoever comes again would see what was typed at the first. For the same
    reason whoever is held is pushed out by nobody who is not.
    """
    found = [line for line in lines if line.kept is kept]
    held = [line for line in found if line.held]
    forced = [line for line in found if kept and line.alarm and not line.held]
    return [[line for line in found if line not in held and line not in forced], held, forced]


def _too_many(lines: list[Line], share: Share) -> list[Line]:
    """Return those that leave no room for other contacts, and never the newest of its sort.

    Visits go first, those that are held before others; of each sort the oldest.
    """
    gone: list[Line] = []
    plain, held, _ = _sorts(lines, kept=False)
    staying, staying_held, forced = _sorts(lines, kept=True)
    for alike in (held, plain, staying_held, forced, staying):
        for line in alike[:-1]:
            if lines_bytes([one for one in lines if one not in gone]) <= share.lines_bytes:
                return gone
            gone.append(line)
    return gone
