"""No repr of anything that holds a secret shows more than its type."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from ojak_protocol import comparison
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol.answers import canonical
from ojak_protocol.box import Header
from ojak_protocol.chains import PlacesAhead
from ojak_protocol.details import ParcelWhat, Question
from ojak_protocol.hidden import Hidden
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import BranchKeys, RunName
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.parcels import pack, seal_parts
from ojak_protocol.ratchet import LostPlace, Opened, SealedPlace
from ojak_protocol.stretch import argon2id
from ojak_protocol.visits import Letter
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    KEM,
    RIGHT,
    SEED,
    boxes_of,
    collected,
    come,
    confirm,
    heard,
    inside,
    look,
    meet,
    new_point,
    receipt,
    said,
    take,
)
from tests.protocol.kinds import DETAILS

LEFT = Body(Kind.TEXT, "left")
ANSWER = canonical("Rover")


def everything() -> Iterator[object]:
    """One of each thing that a meeting and a conversation with gaps and losses bring about."""
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    attempt = guest_.leave_letter(attempt, LEFT, reference=1, entropy=ENTROPY, kem=KEM)
    yield from point_.offers_due(point, relay_clock=CLOCK)
    yield from point_.answer_places(point, day=DAY, older=False).values()
    yield RunName(SEED, bytes(32), 1, 0)
    point, visit = take(point, attempt)
    yield point
    yield attempt
    confirmed = confirm(point, boxes_of(*attempt.branches))
    assert confirmed is not None
    yield from confirmed
    assert look(attempt, boxes_of(*visit.branches)) is not None
    pair = meet()
    host = said(pair.host, "one", "two", "three")
    first, *_, last = list(boxes_of(host).items())[-3:]
    guest, events = heard(pair.guest, *last)
    yield from events
    yield from (host, guest)
    guest = said(guest, "reply")
    host, _ = collected(host, guest)
    guest, _ = heard(guest, *list(boxes_of(said(host, "next")).items())[-1])
    yield guest
    host, events_at_host = collected(host, receipt(guest))
    yield from (host, *events_at_host, first)
    yield from DETAILS.values()
    parcel = pack(b"photo", ParcelWhat.PHOTO, entropy=ENTROPY)
    yield from (parcel, *seal_parts(parcel, b"photo", entropy=ENTROPY))
    asked, question = comparison.ask("Whose dog?", ANSWER, stretch=argon2id, entropy=ENTROPY)
    assert isinstance(question.details, Question)
    yield from (asked, question)
    yield from comparison.reply(
        question.text, question.details, ANSWER, used=(), stretch=argon2id, entropy=ENTROPY
    )


THINGS = [thing for made in everything() for thing in inside(made) if is_dataclass(thing)]
PUBLIC = (Offer, Answer)
"""Whoever has the number can read these anyway."""


def secrets_of(thing: object) -> set[bytes]:
    return {
        value
        for item in inside(thing)
        if isinstance(item, Hidden)
        for field in fields(item)  # type: ignore[arg-type] # every Hidden is a dataclass
        for value in [getattr(item, field.name)]
        if isinstance(value, bytes) and len(value) >= 8
    }


SECRETS = {secret for thing in THINGS for secret in secrets_of(thing)}


KINDS: dict[str, type] = {type(thing).__name__: type(thing) for thing in THINGS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_repr_shows_no_secret(kind: type) -> None:
    for thing in THINGS:
        if type(thing) is not kind or isinstance(thing, PUBLIC):
            continue
        if isinstance(thing, Hidden):
            assert repr(thing) == str(thing) == f"{thing}" == f"<{kind.__name__}>"
        else:
            shown = repr(thing)
            assert not any(repr(secret)[2:-1] in shown for secret in SECRETS)


FOR_ONE_CALL = (BranchKeys, Header, Letter, LostPlace, Opened, PlacesAhead, SealedPlace)


def all_kinds(kind: type) -> Iterator[type]:
    below: type
    for below in kind.__subclasses__():
        if below.__module__.startswith("ojak_protocol"):
            yield below
            yield from all_kinds(below)


def test_the_things_looked_at_are_all_kinds_of_state_that_there_are() -> None:
    # A class with slots is made twice, so names are compared.
    met = {type(thing).__name__ for thing in THINGS}
    assert {kind.__name__ for kind in all_kinds(Hidden)} - met <= {
        kind.__name__ for kind in FOR_ONE_CALL
    }


def test_kinds_that_live_for_one_call_only_are_hidden_as_well() -> None:
    for kind in FOR_ONE_CALL:
        assert kind.__repr__ is Hidden.__repr__
