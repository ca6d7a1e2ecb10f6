"""A request made from a profile, and a reply to it, without a relay."""

from collections.abc import Mapping
from dataclasses import replace

from ojak_client.prepare import prepare
from ojak_client.profile import (
    OurLetter,
    Profile,
)
from ojak_client.requests import Shape, make_request
from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import (
    DepositOutcome,
    Found,
    Nothing,
    PollResult,
    SyncReply,
    SyncRequest,
)
from tests.client.persons import (
    MONTH,
    RELAY,
    moment,
)
from tests.people import (
    CLOCK,
)


def asked(profile: Profile, now: int = CLOCK) -> tuple[Profile, SyncRequest]:
    profile, _ = prepare(profile, RELAY, moment(now))
    return profile, make_request(profile, RELAY, moment(now), turn=0, shape=Shape(room=16))


def reply(
    request: SyncRequest,
    outcome: DepositOutcome = DepositOutcome.STORED,
    boxes: Mapping[MailboxId, bytes] | None = None,
) -> SyncReply:
    lying = boxes or {}
    polls: tuple[PollResult, ...] = tuple(
        Found(lying[place]) if place in lying else Nothing() for place in request.polls
    )
    return SyncReply(CLOCK, polls, (outcome,) * len(request.deposits))


def our(reference: int = 1, **changes: object) -> OurLetter:
    letter = OurLetter(reference, "편지", CLOCK + MONTH, at_once=True)
    return replace(letter, **changes)  # type: ignore[arg-type] # of each field its own type
