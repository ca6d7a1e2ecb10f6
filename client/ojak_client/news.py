"""What must not be missed, kept until our person was shown it.

`ojak keep` as a service speaks to nobody, and a sentence in a window that nobody looked at is gone.
So what changes whom one may trust stays with its contact: `ojak status` and `ojak read` say it, and
it counts as told only once it was written where a person or a program reads it, or once our person
said yes to the visit.

Only the host's side has news of how somebody came. A guest's device keeps nothing that depends on
the word that was typed at it. Pure; nothing here has a part in any request.
"""

from collections.abc import Collection, Iterable
from typing import Final

from ojak_client.profile import Contact, Line, News, NewsKind, Profile
from ojak_protocol.values import replace

STAYS_SECONDS: Final = 30 * 24 * 3600
"""How long a visit with the alarm word stands in `ojak status` at least, also once it was told."""
MOST_OF_A_KIND: Final = 8
"""How much news of one kind is kept for a contact, the newest: whoever comes again and again must
not fill the vault, nor push out news of another kind."""


def with_news(contact: Contact, kind: NewsKind, line: Line, now: int) -> Contact:
    """Return the contact with one more piece of news, unless it has it of this line already."""
    if any(one.kind is kind and one.line == line.number for one in contact.news):
        return contact
    alike = [one for one in contact.news if one.kind is kind]
    over = max(0, len(alike) + 1 - MOST_OF_A_KIND)
    # What was told goes first, then the oldest.
    least = sorted(alike, key=lambda one: not one.told)[:over]
    kept = tuple(one for one in contact.news if one not in least)
    return replace(contact, news=(*kept, News(kind, now, line.number)))


def untold(contact: Contact) -> tuple[News, ...]:
    """Return what our person was not shown yet, in the order in which it happened."""
    return tuple(one for one in contact.news if not one.told)


def standing(contact: Contact, now: int) -> tuple[News, ...]:
    """Return what `ojak status` says of *contact* now: what is untold, and what still matters.

    A visit with the alarm word matters for `STAYS_SECONDS`, and for as long as its conversation is
    kept; another visit for as long as it is held; an end until there is another conversation.
    """
    of_lines = tuple(_of_lines(contact))
    stored = {(one.kind, one.line) for one in contact.news}
    lasting = tuple(one for one in of_lines if (one.kind, one.line) not in stored)
    matters = {(one.kind, one.line) for one in of_lines}
    fresh = untold(contact)
    kept = tuple(
        one
        for one in contact.news
        if one in fresh
        or (one.kind, one.line) in matters
        or (one.kind is NewsKind.ALARM and _is_young(one, now))
    )
    return tuple(sorted((*lasting, *kept), key=lambda one: one.at))


def as_told(profile: Profile, shown: Collection[News]) -> Profile:
    """Return the profile with what was *shown* marked as told, and nothing that came since."""
    contacts = tuple(
        replace(
            contact,
            news=tuple(replace(one, told=True) if one in shown else one for one in contact.news),
        )
        for contact in profile.contacts
    )
    return replace(profile, contacts=contacts)


def decided(contact: Contact, line: Line) -> Contact:
    """Return the contact after our person said yes to *line*: the question told of the visit."""
    news = tuple(
        replace(one, told=True) if (one.kind, one.line) == (NewsKind.HELD, line.number) else one
        for one in contact.news
    )
    return replace(contact, news=news)


def without_news(profile: Profile) -> Profile:
    """Return what of *profile* has a part in requests: that news was told must not show in any."""
    contacts = tuple(
        replace(contact, news=()) if contact.news else contact for contact in profile.contacts
    )
    return replace(profile, contacts=contacts)


def forget_old(contact: Contact, now: int) -> Contact:
    """Return the contact without news that was told and matters no more."""
    matters = {(one.kind, one.line) for one in _of_lines(contact)}
    kept = tuple(
        one
        for one in contact.news
        if not one.told or _is_young(one, now) or (one.kind, one.line) in matters
    )
    return contact if kept == contact.news else replace(contact, news=kept)


def _of_lines(contact: Contact) -> Iterable[News]:
    """Yield what the lines themselves say: it holds for as long as they are as they are."""
    goes_on = any(
        line.kept and not line.held and not line.alarm and not line.conversation.broken
        for line in contact.lines
    )
    for line in contact.lines:
        if line.alarm:
            yield News(NewsKind.ALARM, line.confirmed_at, line.number, told=True)
        if line.held:
            yield News(NewsKind.HELD, line.confirmed_at, line.number, told=True)
        if line.conversation.broken and not line.held and not goes_on:
            yield News(NewsKind.ENDED, line.confirmed_at, line.number, told=True)


def _is_young(one: News, now: int) -> bool:
    # However the clock was set since.
    return abs(now - one.at) < STAYS_SECONDS
