"""CPace: both sides get one strong key from one weak secret, and nobody else learns to test it.

CPACE-X25519-SHA512, initiator-responder. A share shows nothing about the secret it was made
from; a stranger gets one guess for each exchange he takes part in, and none offline.

libsodium has no Elligator 2 for Curve25519 by itself, but it has it for Ed25519, followed by a
multiplication by the cofactor 8. A clamped X25519 scalar is a multiple of 8, so the eight is
taken from the scalar instead, and the draft's exact bytes come out: t·(8·g) = (8·t)·g = s·g.

Source: draft-irtf-cfrg-cpace-21; docs/protocol.md, "CPace".
"""

import hashlib
from typing import Final, NewType

from nacl.bindings import (
    crypto_core_ed25519_from_uniform,
    crypto_scalarmult,
    crypto_scalarmult_ed25519_noclamp,
    crypto_sign_ed25519_pk_to_curve25519,
)
from nacl.exceptions import RuntimeError as SodiumError

from ojak_protocol.errors import LocalError, Malformed, Unopenable
from ojak_protocol.primitives import Entropy, lv

Scalar = NewType("Scalar", bytes)
"""32 bytes, clamped as RFC 7748 says; secret, for one exchange only."""

Share = NewType("Share", bytes)
"""32 bytes, sent in the clear: a point made from the secret and a scalar (Ya, Yb)."""

Isk = NewType("Isk", bytes)
"""64 bytes, secret: the intermediate session key, equal on both sides if the secrets are."""

SCALAR_BYTES: Final = 32
SHARE_BYTES: Final = 32
ISK_BYTES: Final = 64

# The draft's own domain separators for X25519.
_DSI: Final = b"CPace255"
_DSI_ISK: Final = b"CPace255_ISK"
_SHA512_BLOCK_BYTES: Final = 128


def new_scalar(entropy: Entropy) -> Scalar:
    """Return a fresh clamped scalar, 32 bytes, secret.

    Source: draft-irtf-cfrg-cpace-21, "sample_scalar" for X25519; RFC 7748, section 5.
    """
    return _clamped(entropy(SCALAR_BYTES))


def share(prs: bytes, ci: bytes, sid: bytes, scalar: Scalar) -> Share:
    """Return the share made from the weak secret and *scalar*, 32 bytes.

    Args:
        prs: the weak secret; both sides must have the same.
        ci: what both sides know of each other and of the channel.
        sid: the name of this exchange; never the same for two exchanges.
        scalar: of `new_scalar`, used for this exchange only.

    Raises:
        LocalError: *scalar* is not 32 bytes.

    Source: draft-irtf-cfrg-cpace-21, "calculate_generator" and "scalar_mult" for X25519.
    """
    digest = bytearray(hashlib.sha512(_generator_string(prs, ci, sid)).digest()[:32])
    # The draft ignores bit 255. libsodium takes it as the sign of the Edwards x, which a share
    # does not show; it is cleared all the same, so that nothing rests on that.
    digest[31] &= 0x7F
    generator_times_8 = crypto_core_ed25519_from_uniform(bytes(digest))
    # Clamping cleared the three lowest bits, so this division leaves no rest. Without clamping
    # again is right: the point is already in the subgroup of prime order.
    divided_by_8 = (int.from_bytes(_clamped(scalar), "little") >> 3).to_bytes(32, "little")
    point = crypto_scalarmult_ed25519_noclamp(divided_by_8, generator_times_8)
    return Share(crypto_sign_ed25519_pk_to_curve25519(point))


def session_key(
    scalar: Scalar,
    their_share: Share,
    *,
    sid: bytes,
    initiator_share: Share,
    initiator_data: bytes,
    responder_share: Share,
    responder_data: bytes,
) -> Isk:
    """Return the key of this exchange, 64 bytes, secret.

    It is the other side's key only if the secret, the channel, the name of the exchange, both
    shares and both data are the same there. Equality is not checked here: it shows itself when
    something sealed under the key opens.

    Args:
        scalar: ours, the one our share was made with.
        their_share: the other side's share; it is one of the two below.
        sid: the name of this exchange, as for `share`.
        initiator_share: Ya.
        initiator_data: ADa, what the initiator sent with it.
        responder_share: Yb.
        responder_data: ADb, what the responder sent with it.

    Raises:
        LocalError: *scalar* is not 32 bytes.
        Malformed: *their_share* is not 32 bytes.
        Unopenable: *their_share* is a point of low order, which would make the key known to all.

    Source: draft-irtf-cfrg-cpace-21, "scalar_mult_vfy" for X25519 and "Protocol Flow";
    transcript_ir.
    """
    if len(their_share) != SHARE_BYTES:
        raise Malformed("a share has 32 bytes")
    try:
        # libsodium ignores bit 255 of the point, as RFC 7748 says, and fails where the product
        # is zero, as the draft requires.
        common = crypto_scalarmult(_clamped(scalar), their_share)
    except SodiumError:
        raise Unopenable("a share of low order") from None
    transcript = lv(initiator_share, initiator_data) + lv(responder_share, responder_data)
    return Isk(hashlib.sha512(lv(_DSI_ISK, sid, common) + transcript).digest())


def _generator_string(prs: bytes, ci: bytes, sid: bytes) -> bytes:
    # The zeros fill the first block of SHA-512, so that the secret is hashed in a block of its
    # own and the time of the hash does not depend on what follows it.
    zeros = max(0, _SHA512_BLOCK_BYTES - 1 - len(lv(prs)) - len(lv(_DSI)))
    return lv(_DSI, prs, bytes(zeros), ci, sid)


def _clamped(scalar: bytes) -> Scalar:
    if len(scalar) != SCALAR_BYTES:
        raise LocalError("a scalar has 32 bytes")
    clamped = bytearray(scalar)
    clamped[0] &= 0xF8
    clamped[31] = clamped[31] & 0x7F | 0x40
    return Scalar(bytes(clamped))
