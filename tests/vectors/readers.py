"""Which APIs read the bytes of each file; a file without a line here fails a test."""

from typing import TYPE_CHECKING, Final, TypeAlias

from tests.vectors import (
    read_formats,
    read_letters,
    read_meeting,
    read_ratchet,
    read_sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.vectors.notation import Case

Reader: TypeAlias = "Callable[[Case], str | None]"
"""Return what came of a case where that is not simply "good", or raise the error that came."""

READERS: Final[dict[str, tuple[Reader, ...]]] = {
    "acknowledgement.json": (read_formats.read_places, read_formats.hear_places),
    "answer.json": (
        read_meeting.read_answer,
        read_meeting.host_reads_answer,
        read_meeting.guest_makes_answer,
    ),
    "body.json": (
        read_letters.read_body,
        read_letters.body_in_conversation,
        read_letters.body_fits_schema,
    ),
    "box.json": (read_ratchet.read_box, read_ratchet.write_box),
    "branches.json": (read_meeting.branches,),
    "cbor.json": (read_formats.read_cbor, read_formats.write_cbor),
    "chains.json": (read_formats.read_chain, read_formats.deposit_with_key),
    "conversation.json": (
        read_ratchet.open_in_ratchet,
        read_ratchet.receive_in_conversation,
    ),
    "cpace.json": (read_formats.exchange_of_draft,),
    "cpace-own.json": (read_meeting.own_exchange,),
    "kem.json": (read_meeting.kem,),
    "ko-fold-1.json": (read_formats.fold,),
    "number.json": (read_formats.read_number, read_formats.number_in_details),
    "offer.json": (
        read_meeting.read_offer,
        read_meeting.guest_reads_offer,
        read_meeting.guest_uses_offer,
    ),
    "parcel.json": (read_letters.read_parcel, read_letters.write_parcel),
    "places.json": (read_meeting.place,),
    "pouch.json": (read_formats.read_pouch, read_formats.pouch_fits_schema),
    "question.json": (read_letters.compare,),
    "slip.json": (read_formats.read_slip, read_formats.write_slip),
    "stretching.json": (read_meeting.stretch,),
    "sync-reply.json": (read_sync.read_reply, read_sync.reply_fits_schema),
    "sync-request.json": (read_sync.read_request, read_sync.request_fits_schema),
}
