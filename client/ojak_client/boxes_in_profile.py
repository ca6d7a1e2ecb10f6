"""Every place in a profile where a sealed box stands, named once.

Boxes are large and few kinds of things hold them. The vault keeps them apart from the rest, and
`map_boxes` is how they leave the profile and come back. A test fails where one is forgotten.
"""

from collections.abc import Callable

from ojak_client.profile import Contact, Profile, QuestionSet, Visiting
from ojak_protocol.conversation import Conversation, Outgoing
from ojak_protocol.values import replace

Change = Callable[[bytes], bytes]


def map_boxes(profile: Profile, change: Change) -> Profile:
    """Return the profile with each box that is there replaced by what *change* makes of it."""

    # An empty field holds no box: it was erased, or is not there yet.
    def changed(box: bytes) -> bytes:
        return change(box) if box else box

    contacts = tuple(_in_contact(contact, changed) for contact in profile.contacts)
    return replace(profile, contacts=contacts)


def boxes_in(profile: Profile) -> list[bytes]:
    """Return each box that is in the profile, or what stands there in its place."""
    found: list[bytes] = []

    def noted(box: bytes) -> bytes:
        found.append(box)
        return box

    map_boxes(profile, noted)
    return found


def _in_contact(contact: Contact, change: Change) -> Contact:
    visiting = contact.visiting
    return replace(
        contact,
        sets=tuple(_in_set(one, change) for one in contact.sets),
        visiting=None if visiting is None else _in_visiting(visiting, change),
        lines=tuple(
            replace(line, conversation=_in_conversation(line.conversation, change))
            for line in contact.lines
        ),
        parts=tuple(replace(part, box=change(part.box)) for part in contact.parts),
        pointers=tuple(replace(one, box=change(one.box)) for one in contact.pointers),
    )


def _in_set(one: QuestionSet, change: Change) -> QuestionSet:
    if not one.point.visits:
        return one
    visits = tuple(
        replace(visit, branches=_in_branches(visit.branches, change)) for visit in one.point.visits
    )
    return replace(one, point=replace(one.point, visits=visits))


def _in_visiting(visiting: Visiting, change: Change) -> Visiting:
    attempt = visiting.attempt
    if attempt is None:
        return visiting
    branches = _in_branches(attempt.branches, change)
    return replace(visiting, attempt=replace(attempt, box=change(attempt.box), branches=branches))


def _in_branches(
    branches: tuple[Conversation, Conversation], change: Change
) -> tuple[Conversation, Conversation]:
    return _in_conversation(branches[0], change), _in_conversation(branches[1], change)


def _in_conversation(state: Conversation, change: Change) -> Conversation:
    if not (state.outbox or state.farewell):
        return state
    return replace(
        state,
        outbox=tuple(_in_outgoing(one, change) for one in state.outbox),
        farewell=tuple(_in_outgoing(one, change) for one in state.farewell),
    )


def _in_outgoing(outgoing: Outgoing, change: Change) -> Outgoing:
    return replace(outgoing, letter=change(outgoing.letter), withdrawn=change(outgoing.withdrawn))
