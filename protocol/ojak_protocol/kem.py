"""ML-KEM-768, behind a small interface because encapsulation draws its own randomness.

Secrets are kept as the 64-byte seed of FIPS 203, from which both keys follow.

Source: FIPS 203; docs/protocol.md, "Primitives".
"""

from typing import TYPE_CHECKING, Final, Protocol

from ojak_protocol.errors import Malformed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

SEED_BYTES: Final = 64
PUBLIC_BYTES: Final = 1184
CIPHERTEXT_BYTES: Final = 1088
SHARED_BYTES: Final = 32
VECTOR_BYTES: Final = 1152
"""The vector t in front of a public key; a seed for its matrix stands behind."""


class Kem(Protocol):
    """What the meeting and the ratchet need of a key encapsulation."""

    def public_key(self, seed: bytes) -> bytes:
        """Return the 1184-byte public key that belongs to a 64-byte *seed*."""

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        """Return a fresh (32-byte shared secret, 1088-byte ciphertext) for *public_key*.

        Raises:
            Malformed: *public_key* is not a key.
        """

    def decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret; a forged ciphertext gives an unrelated one.

        Raises:
            Malformed: *ciphertext* has not 1088 bytes.
        """


class MlKem768:
    """ML-KEM-768 of the `cryptography` library; its encapsulation uses the system's randomness."""

    def public_key(self, seed: bytes) -> bytes:
        """Return the public key of *seed*, 1184 bytes."""
        return _private(seed).public_key().public_bytes_raw()

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        """Return (shared secret, ciphertext)."""
        from cryptography.hazmat.primitives.asymmetric.mlkem import (  # noqa: PLC0415 - slow to load
            MLKEM768PublicKey,
        )

        # FIPS 203 lets this pass as a key, but with t = 0 anyone reads the secret off the
        # ciphertext: whoever sends it means to leave the key encapsulation out.
        if not any(public_key[:VECTOR_BYTES]):
            raise Malformed("an ML-KEM-768 public key of zeros")
        try:
            return MLKEM768PublicKey.from_public_bytes(public_key).encapsulate()
        except ValueError:
            raise Malformed("not an ML-KEM-768 public key") from None

    def decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        """Return the shared secret."""
        try:
            return _private(seed).decapsulate(ciphertext)
        except ValueError:
            raise Malformed("not an ML-KEM-768 ciphertext") from None


def _private(seed: bytes) -> "MLKEM768PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.mlkem import (  # noqa: PLC0415 - slow to load
        MLKEM768PrivateKey,
    )

    return MLKEM768PrivateKey.from_seed_bytes(seed)
