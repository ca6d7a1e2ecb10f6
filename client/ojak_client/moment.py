"""What the pure parts of the client take from outside."""

from ojak_protocol.kem import Kem
from ojak_protocol.primitives import Entropy
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and the sources of randomness."""

    now: int
    """Device clock, Unix seconds."""
    relay_clock: int
    """The relay's clock at that moment, as far as it told."""
    entropy: Entropy
    kem: Kem
