"""The guest's side of a meeting: from an offer to a conversation, or to nothing.

The guest answers one run of an offer with shares for both branches, made from the one thing that
was typed, and looks for a box in both. The box that opens is the proof that the host knows the
same answers; the other branch is then forgotten. Until then nothing is sent under either key,
unless the person chose to leave a letter.

Source: docs/protocol.md, "Meeting".
"""

from typing import Final

from nacl.bindings import crypto_scalarmult_base

from ojak_protocol import conversation as talk
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import DH_BYTES
from ojak_protocol.conversation import Arrived, Conversation, Event
from ojak_protocol.cpace import new_scalar
from ojak_protocol.errors import Malformed
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import SEED_BYTES, Kem
from ojak_protocol.letters import Body
from ojak_protocol.meeting_keys import (
    BRANCHES,
    RunName,
    branch_isk,
    branch_keys,
    guest_branch,
    share_for,
)
from ojak_protocol.meeting_messages import Answer, Offer, decode_offer
from ojak_protocol.meeting_places import (
    LAST_DAY,
    OFFERS_A_DAY,
    answer_place,
    offer_place,
    open_at,
    seal_at,
    seen_place,
)
from ojak_protocol.primitives import Entropy
from ojak_protocol.ratchet import TurnSecrets
from ojak_protocol.stretch import Seed
from ojak_protocol.values import dataclass, replace

PLACES_A_BRANCH: Final = 2
"""How far ahead the guest looks in each branch before one of them opened."""


@dataclass(frozen=True, slots=True, repr=False)
class Attempt(Hidden):
    """One answered run: two possible conversations, of which at most one is real."""

    seed: Seed
    offer: Offer
    run: int
    answer: Answer
    place: MailboxId
    box: bytes
    """The sealed answer, to be deposited at *place*."""
    branches: tuple[Conversation, Conversation]

    @property
    def seen_at(self) -> MailboxId:
        """Where the host leaves word that it took this answer."""
        return seen_place(self.seed, self.offer.nonce, self.run)


def offer_places(seed: Seed, set_number: int, day: int) -> tuple[MailboxId, ...]:
    """Return where an offer may lie, most wanted first: today's, tomorrow's, yesterday's.

    Of one day the highest n comes first, because it is laid when the ones below are used up.
    Days that no offer can name are left out: a clock may begin in 1970, or be anything.
    """
    return tuple(
        offer_place(seed, set_number, near, n)
        for near in (day, day + 1, day - 1)
        if 0 <= near <= LAST_DAY
        for n in reversed(range(OFFERS_A_DAY))
    )


def read_offer(seed: Seed, place: MailboxId, box: bytes, *, set_number: int) -> Offer:
    """Return the offer that lies at *place*.

    Raises:
        RemoteError: it is no offer of this set, or of a later version (`TooNew`).
    """
    offer = decode_offer(open_at(seed, place, box))
    if offer.set_number != set_number:
        raise Malformed("an offer of another set")
    return offer


def attempt(
    prs: bytes, *, seed: Seed, offer: Offer, run: int, until: int, entropy: Entropy, kem: Kem
) -> Attempt:
    """Return an answer to *run* of *offer*, which costs the guest one counted guess.

    Args:
        prs: stretched from the answers that were typed.
        seed: stretched from the number.
        offer: what the host laid out.
        run: 0 to 3, the lowest whose answer place is free.
        until: relay clock until which this guest looks.
        entropy: fresh randomness.
        kem: the key encapsulation.

    Raises:
        Malformed: the offer's key is not a key.
    """
    scalars = (new_scalar(entropy), new_scalar(entropy))
    secrets = TurnSecrets(dh=entropy(DH_BYTES), kem_seed=entropy(SEED_BYTES))
    shared, ciphertext = kem.encapsulate(offer.ek)

    name = RunName(seed, offer.nonce, offer.set_number, run)
    answer = Answer(
        nonce=entropy(32),
        until=until,
        shares=(
            share_for(name, 0, prs=prs, scalar=scalars[0]),
            share_for(name, 1, prs=prs, scalar=scalars[1]),
        ),
        dh=crypto_scalarmult_base(secrets.dh),
        ek=kem.public_key(secrets.kem_seed),
        ct=ciphertext,
    )

    def branch(j: int) -> Conversation:
        isk = branch_isk(
            name, j, scalar=scalars[j], offer=offer, answer=answer, entropy=entropy, host=False
        )
        keys = branch_keys(isk, shared, offer=offer, run=run, answer=answer, j=j)
        return guest_branch(keys, secrets, answer)

    place = answer_place(seed, offer.nonce, run)
    box = seal_at(seed, place, answer.encode(), entropy=entropy)
    return Attempt(seed, offer, run, answer, place, box, (branch(0), branch(1)))


def leave_letter(
    state: Attempt, body: Body, *, reference: int, entropy: Entropy, kem: Kem
) -> Attempt:
    """Return the attempt with *body* written in both branches, before the host was confirmed.

    Whoever plays the host may try two words on this letter without anybody seeing it.

    Raises:
        Refused: the text is too long.
    """
    first, second = (
        talk.write(branch, body, reference=reference, entropy=entropy, kem=kem)
        for branch in state.branches
    )
    return replace(state, branches=(first, second))


def places(state: Attempt) -> tuple[MailboxId, ...]:
    """Return where to look: the first places of both branches, then the "seen" place."""
    ahead = [talk.places(branch, most=PLACES_A_BRANCH, turn=0) for branch in state.branches]
    return (*(place for pair in zip(*ahead, strict=True) for place in pair), state.seen_at)


def confirm(
    state: Attempt, where: MailboxId, box: bytes, *, kem: Kem
) -> tuple[Conversation, tuple[Event, ...]] | None:
    """Return the conversation whose box was found at *where*, and what it says.

    That it opens is the key confirmation: its address and its seal come from the CPace key.
    None: it opens in neither branch.
    """
    for j in BRANCHES:
        branch, events = talk.receive(state.branches[j], where, box, kem=kem)
        if any(isinstance(event, Arrived) for event in events):
            return branch, events
    return None
