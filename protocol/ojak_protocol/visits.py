"""A visit: one answered run at the host, until somebody confirms it or seven days have passed.

What a visit is worth is decided by its two conversations. In each the host writes the same number
of boxes of the same kinds; only one branch, or none, can be opened by whoever answered.

Source: docs/protocol.md, "Meeting".
"""

from collections.abc import Callable
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from ojak_protocol import conversation as talk
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import DH_BYTES
from ojak_protocol.conversation import Arrived, Conversation, Event
from ojak_protocol.cpace import SHARE_BYTES, Share
from ojak_protocol.errors import LocalError, RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import CIPHERTEXT_BYTES, SEED_BYTES, Kem
from ojak_protocol.letters import Body
from ojak_protocol.meeting_keys import BRANCHES, RunName, branch_isk, branch_keys, host_branch
from ojak_protocol.meeting_messages import NONCE_BYTES, Answer, decode_answer
from ojak_protocol.meeting_places import answer_place, open_at, seen_place
from ojak_protocol.offers import LaidOffer, offer_of
from ojak_protocol.primitives import Entropy
from ojak_protocol.stretch import Seed
from ojak_protocol.values import dataclass, replace

VISIT_SECONDS: Final = 7 * 24 * 3600
"""How long a confirmation is accepted."""


@dataclass(frozen=True, slots=True, repr=False)
class Letter(Hidden):
    """A letter to be offered to a visit, and what stands in its place in the alarm branch."""

    reference: int
    body: Body
    counterpart: Body
    counterpart_reference: int = 0
    """Which letter of the person the counterpart is; 0: none, it goes by `reference`."""


@dataclass(frozen=True, slots=True, repr=False)
class Visit(Hidden):
    """An answered run that nobody has confirmed yet."""

    seen_at: MailboxId
    """Where the host leaves word that it took the answer."""
    coin: int
    until: int
    """Relay clock until which the guest looks."""
    taken_at: int
    """Device clock when the run was taken."""
    counted: bool
    """Whether the run is one of those that close the point at five: boxes were offered in it, and
    its person did not reopen the point since."""
    references: tuple[int, ...]
    """The letters offered in it, in either branch."""
    following: int
    """How many more letters were promised to whoever confirms it."""
    spent: bool
    """Whether a stranger may have seen the answers before they were used for this visit."""
    branches: tuple[Conversation, Conversation]
    seen_left: bool = False
    reported: bool = False
    """Whether the host's person was told that nobody confirmed it in time."""
    paired: bool = False
    """Whether an alarm word stood in its offer, so that its letters go in pairs."""


@dataclass(frozen=True, slots=True, repr=False)
class Confirmed(Hidden):
    """A visit was confirmed by a box that opened in one of its branches."""

    visit: Visit
    conversation: Conversation
    alarm: bool
    """Whether the guest typed the alarm word."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, repr=False)
class AnsweredRun(Hidden):
    """Which run of which of our offers was answered; its scalars are still there."""

    seed: Seed
    laid: LaidOffer
    run: int


def read_answer(at: AnsweredRun, box: bytes, *, entropy: Entropy, kem: Kem) -> Answer:
    """Return the answer in *box*; what is unusable becomes one that nobody can have made.

    Whoever has the number can seal anything there. It takes the run either way, and looks from
    outside like a wrong answer.

    Raises:
        Unopenable: nobody who has the number sealed it for this place, so it is no guess.
        Malformed: *box* has not 4000 bytes.
    """
    place = answer_place(at.seed, at.laid.nonce, at.run)
    message = open_at(at.seed, place, box)
    try:
        answer = decode_answer(message)
        kem.encapsulate(answer.ek)
        crypto_scalarmult(entropy(DH_BYTES), answer.dh)
    except (RemoteError, CryptoError):
        return _nobodys_answer(entropy, kem)
    return answer


def open_visit(
    at: AnsweredRun,
    answer: Answer,
    *,
    letters: tuple[Letter, ...],
    spent: bool,
    paired: bool = False,
    now: int,
    entropy: Entropy,
    kem: Kem,
) -> Visit:
    """Return the visit of *answer*, with *letters* written in both branches.

    Args:
        at: the run.
        answer: of `read_answer`.
        letters: what is offered; empty when the visit is only looked at for a left letter.
        spent: whether a stranger may have seen the answers before.
        paired: whether an alarm word may stand in the offer.
        now: device clock.
        entropy: fresh randomness.
        kem: the key encapsulation.

    Raises:
        LocalError: the run was answered before.
    """
    coin = at.laid.runs[at.run].coin
    first, second = (
        _write_all(branch, letters, real=j == coin, entropy=entropy, kem=kem)
        for j, branch in zip(BRANCHES, _branches(at, answer, entropy, kem), strict=True)
    )
    return Visit(
        seen_at=seen_place(at.seed, at.laid.nonce, at.run),
        coin=coin,
        until=answer.until,
        taken_at=now,
        counted=bool(letters),
        references=tuple(sorted({r for letter in letters for r in _references(letter)} - {0})),
        following=max((letter.body.following for letter in letters), default=0),
        spent=spent,
        branches=(first, second),
        paired=paired,
    )


def places(visit: Visit) -> tuple[MailboxId, ...]:
    """Return where the guest's first box may lie: one place for each branch."""
    return tuple(
        place for branch in visit.branches for place in talk.places(branch, most=1, turn=0)
    )


def receive(visit: Visit, where: MailboxId, box: bytes, *, kem: Kem) -> Confirmed | None:
    """Return the confirmation that *box*, found at *where*, is; None if it is none."""
    for j in BRANCHES:
        branch, events = talk.receive(visit.branches[j], where, box, kem=kem)
        if any(isinstance(event, Arrived) for event in events):
            return Confirmed(visit, branch, alarm=j != visit.coin, events=events)
    return None


def change_branches(visit: Visit, change: Callable[[Conversation], Conversation]) -> Visit:
    """Return the visit with both branches changed alike."""
    first, second = visit.branches
    return replace(visit, branches=(change(first), change(second)))


def recall(visit: Visit, reference: int) -> Visit:
    """Return the visit with letter *reference* asked back, and what stands in its place as well.

    Taken back in one branch only, it would show the relay which of them is real.
    """
    positions = {
        position
        for branch in visit.branches
        for position, outgoing in enumerate(branch.outbox)
        if outgoing.reference == reference
    }

    def recalled(branch: Conversation) -> Conversation:
        for position in positions:
            branch, _ = talk.recall(branch, branch.outbox[position].reference)
        return branch

    return change_branches(visit, recalled)


def _branches(
    at: AnsweredRun, answer: Answer, entropy: Entropy, kem: Kem
) -> tuple[Conversation, Conversation]:
    scalars = at.laid.runs[at.run].scalars
    if scalars is None:
        raise LocalError("a run is taken once")
    offer = offer_of(at.laid, kem=kem)
    name = RunName(at.seed, at.laid.nonce, at.laid.set_number, at.run)
    shared = kem.decapsulate(at.laid.kem_seed, answer.ct)

    def branch(j: int) -> Conversation:
        isk = branch_isk(
            name, j, scalar=scalars[j], offer=offer, answer=answer, entropy=entropy, host=True
        )
        keys = branch_keys(isk, shared, offer=offer, run=at.run, answer=answer, j=j)
        return host_branch(keys, answer)

    return branch(0), branch(1)


def _write_all(
    branch: Conversation, letters: tuple[Letter, ...], *, real: bool, entropy: Entropy, kem: Kem
) -> Conversation:
    for letter in letters:
        # Taken back at one moment in both branches: else the relay sees which of them is real.
        counterpart = replace(letter.counterpart, expires_at=letter.body.expires_at)
        of_letter, of_counterpart = _references(letter)
        branch = talk.write(
            branch,
            letter.body if real else counterpart,
            reference=of_letter if real else of_counterpart,
            entropy=entropy,
            kem=kem,
        )
    return branch


def _references(letter: Letter) -> tuple[int, int]:
    return letter.reference, letter.counterpart_reference or letter.reference


def _nobodys_answer(entropy: Entropy, kem: Kem) -> Answer:
    return Answer(
        nonce=entropy(NONCE_BYTES),
        until=1 << 63,
        shares=(Share(entropy(SHARE_BYTES)), Share(entropy(SHARE_BYTES))),
        dh=crypto_scalarmult_base(entropy(DH_BYTES)),
        ek=kem.public_key(entropy(SEED_BYTES)),
        ct=entropy(CIPHERTEXT_BYTES),
    )
