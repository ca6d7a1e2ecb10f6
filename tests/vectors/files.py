"""Every file of vectors: which the script makes, and which are kept by hand."""

from collections.abc import Callable
from typing import Final

from tests.vectors import (
    make_formats,
    make_letters,
    make_meeting,
    make_ratchet,
    make_secrets,
    make_sync,
    recorded,
)
from tests.vectors.notation import File, written

MAKERS: Final[dict[str, Callable[[], File]]] = {
    "acknowledgement.json": make_formats.acknowledgements,
    "answer.json": make_meeting.answers,
    "body.json": make_letters.bodies,
    "box.json": make_ratchet.boxes,
    "branches.json": make_meeting.branches,
    "cbor.json": make_formats.cbor_values,
    "chains.json": make_formats.chains,
    "conversation.json": make_ratchet.conversation,
    "cpace-own.json": make_secrets.exchanges,
    "kem.json": recorded.recordings,
    "offer.json": make_meeting.offers,
    "parcel.json": make_letters.parcels,
    "places.json": make_secrets.meeting_places,
    "pouch.json": make_formats.pouches,
    "question.json": make_letters.questions,
    "slip.json": make_formats.slips,
    "stretching.json": make_secrets.stretching,
    "sync-reply.json": make_sync.replies,
    "sync-request.json": make_sync.requests,
}

BY_HAND: Final = frozenset({"cpace.json", "ko-fold-1.json", "number.json"})
"""What people agreed on, and what others computed: a script would only repeat our own code."""

__all__ = ["BY_HAND", "MAKERS", "written"]
