"""What a relay's word on a deposit means for a guest's answer and for a host's meeting point."""

from functools import partial
from typing import Final

from ojak_client.moment import Moment
from ojak_client.profile import Contact, Visiting
from ojak_protocol import conversation as talk
from ojak_protocol import guest, meeting_point, visits
from ojak_protocol.addresses import MailboxId
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import RUNS, offer_place
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.sync import Deposit
from ojak_protocol.values import replace

MOST_FULL: Final = 64
"""How many full offers a guest remembers: a relay that names one after another must not fill the
vault. There are never more than nine at a time."""


def answer_offer(visiting: Visiting, offer: Offer, moment: Moment) -> Visiting:
    """Return the guest with an answer to its present run of *offer*, still to be deposited.

    Raises:
        Malformed: the offer's key is not a key.
    """
    attempt = guest.attempt(
        visiting.typed,
        seed=visiting.seed,
        offer=offer,
        run=visiting.run,
        until=moment.relay_clock + visiting.look_seconds,
        entropy=moment.entropy,
        kem=moment.kem,
    )
    return replace(visiting, attempt=attempt, laid=False, seen=False, answered_at=moment.now)


def answer_deposited(
    visiting: Visiting, place: MailboxId, *, stored: bool, moment: Moment
) -> Visiting:
    """Return the guest after the relay stored its answer, or had other bytes in its place.

    Somebody was quicker: the next run is answered, which costs no second guess, because nothing
    of ours lies at the first. After the last run no attempt is left, and the offer counts as full.
    """
    attempt = visiting.attempt
    if attempt is None:
        return visiting
    if place == attempt.place:
        if visiting.laid:
            # Two processes may have deposited it at once. A relay that takes back what it said to
            # one of them would else try two more words on each run.
            return visiting
        if stored:
            return replace(visiting, laid=True)
        if visiting.run + 1 >= RUNS:
            full = (*visiting.full, attempt.offer.nonce)[-MOST_FULL:]
            return replace(visiting, attempt=None, full=full)
        return answer_offer(replace(visiting, run=visiting.run + 1), attempt.offer, moment)
    if stored:
        change = partial(talk.stored, where=place, now=moment.now)
    else:
        change = partial(talk.overwrite, where=place)
    first, second = attempt.branches
    return replace(visiting, attempt=replace(attempt, branches=(change(first), change(second))))


def is_of_old_form(contact: Contact, deposit: Deposit) -> bool:
    """Return whether other bytes than those of *deposit* are to lie at its place in a visit now.

    The letter was taken back after the request was made: its withdrawn form is still to go.
    """
    visits_of = [visit.branches for one in contact.sets for visit in one.point.visits]
    if contact.visiting is not None and contact.visiting.attempt is not None:
        visits_of.append(contact.visiting.attempt.branches)
    return any(
        out.place.id == deposit.id and out.box != deposit.box
        for branches in visits_of
        for branch in branches
        for out in branch.outbox
    )


def point_deposited(
    point: MeetingPoint, place: MailboxId, *, stored: bool, moment: Moment
) -> MeetingPoint:
    """Return the point after the relay stored a box of it, or had other bytes in its place."""
    for laid in point.offers:
        if place == offer_place(point.seed, laid.set_number, laid.day, laid.n):
            return meeting_point.offer_laid(point, laid, occupied=not stored)
    for visit in point.visits:
        if place == visit.seen_at:
            return meeting_point.change_visit(point, replace(visit, seen_left=True))
        if stored:
            change = partial(talk.stored, where=place, now=moment.now)
        else:
            change = partial(talk.overwrite, where=place)
        changed = visits.change_branches(visit, change)
        if changed != visit:
            return meeting_point.change_visit(point, changed)
    return point
