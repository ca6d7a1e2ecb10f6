"""The host's half of an offer: the secrets behind what it laid out for one day.

About 0.7 KB each. The offer itself is made again from these, to the same bytes, so that laying it
twice is harmless. A run's scalars go when it was answered; what is left goes 8 days after the
offer's day.

Source: docs/protocol.md, "Meeting", "Lifetime of secrets".
"""

from ojak_protocol.cpace import Scalar, new_scalar
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import SEED_BYTES, Kem
from ojak_protocol.meeting_keys import RunName, share_for
from ojak_protocol.meeting_messages import NONCE_BYTES, Offer, SharePair
from ojak_protocol.meeting_places import RUNS, offer_place, seal_at
from ojak_protocol.primitives import KEY_BYTES, Entropy
from ojak_protocol.primitives import NONCE_BYTES as SEAL_NONCE_BYTES
from ojak_protocol.stretch import Seed
from ojak_protocol.values import dataclass, replace


@dataclass(frozen=True, slots=True, repr=False)
class Run(Hidden):
    """One run of an offer."""

    shares: SharePair
    scalars: tuple[Scalar, Scalar] | None
    """None once the run was answered."""
    coin: int
    """The branch, 0 or 1, that was made from the right answers."""


@dataclass(frozen=True, slots=True, repr=False)
class LaidOffer(Hidden):
    """An offer with its secrets."""

    set_number: int
    day: int
    n: int
    nonce: bytes
    seal_nonce: bytes
    kem_seed: bytes
    runs: tuple[Run, ...]
    laid: bool = False
    """Whether the relay said that it lies there."""
    superseded: bool = False
    """Whether the alarm word was changed since: its runs are taken, but it is laid no more."""

    @property
    def open_runs(self) -> tuple[int, ...]:
        """The runs that nobody has answered yet."""
        return tuple(number for number, run in enumerate(self.runs) if run.scalars is not None)


def make_offer(
    seed: Seed,
    *,
    set_number: int,
    day: int,
    n: int,
    words: tuple[bytes, bytes | None],
    entropy: Entropy,
) -> LaidOffer:
    """Return a fresh offer.

    Args:
        seed: stretched from the number.
        set_number: which set of questions it is for.
        day: UTC day of the relay's clock, days since 1970.
        n: 0 to 2, how many offers of that day are used up.
        words: stretched from the right answers, and from those with the alarm word if there is one.
        entropy: fresh randomness.
    """
    right, alarm = words
    nonce = entropy(NONCE_BYTES)

    def run(number: int) -> Run:
        name = RunName(seed, nonce, set_number, number)
        coin = entropy(1)[0] & 1
        scalars = (new_scalar(entropy), new_scalar(entropy))
        # Without an alarm word the other branch is made from a secret that nobody can type, and
        # that is not even kept: the wire shows no difference.
        other = entropy(KEY_BYTES) if alarm is None else alarm
        secrets = (right, other) if coin == 0 else (other, right)
        first, second = (share_for(name, j, prs=secrets[j], scalar=scalars[j]) for j in (0, 1))
        return Run((first, second), scalars, coin)

    return LaidOffer(
        set_number=set_number,
        day=day,
        n=n,
        nonce=nonce,
        seal_nonce=entropy(SEAL_NONCE_BYTES),
        kem_seed=entropy(SEED_BYTES),
        runs=tuple(run(number) for number in range(RUNS)),
    )


def offer_of(laid: LaidOffer, *, kem: Kem) -> Offer:
    """Return the offer as the guest reads it."""
    return Offer(
        set_number=laid.set_number,
        nonce=laid.nonce,
        ek=kem.public_key(laid.kem_seed),
        shares=tuple(run.shares for run in laid.runs),
    )


def offer_box(seed: Seed, laid: LaidOffer, *, kem: Kem) -> bytes:
    """Return the box of the offer, the same 4000 bytes each time."""
    place = offer_place(seed, laid.set_number, laid.day, laid.n)
    # The nonce was drawn with the offer: sealing the same message again gives the same bytes,
    # and never another message under that nonce.
    return seal_at(seed, place, offer_of(laid, kem=kem).encode(), entropy=lambda _: laid.seal_nonce)


def without_run(laid: LaidOffer, number: int) -> LaidOffer:
    """Return the offer with the scalars of run *number* erased."""
    return replace(
        laid,
        runs=tuple(
            replace(run, scalars=None) if at == number else run for at, run in enumerate(laid.runs)
        ),
    )
