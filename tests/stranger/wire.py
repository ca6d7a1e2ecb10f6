"""What a client needs beneath a meeting: primitives, CBOR, CPace, sync.

Written from docs/protocol.md alone, without importing Ojak; the names of its sections stand behind
each function. An example for implementers, not a client to be used: it keeps nothing on disk.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import cbor2
import nacl.exceptions
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings

if TYPE_CHECKING:
    from collections.abc import Sequence

Value: TypeAlias = "int | bytes | str | list[Value] | dict[int, Value]"


class Malformed(Exception):
    """Bytes are not in their format."""


# --- Conventions, Primitives ----------------------------------------------------------------------


def u(number: int, size_bits: int) -> bytes:
    return number.to_bytes(size_bits // 8, "big")


def lv(*parts: bytes) -> bytes:
    joined = b""
    for part in parts:
        length = len(part)
        while length > 0x7F:
            joined += bytes([length & 0x7F | 0x80])
            length >>= 7
        joined += bytes([length]) + part
    return joined


def blake(label: str, message: bytes, size: int = 32) -> bytes:
    """H with 32 bytes, H16 with 16."""
    return hashlib.blake2b(message, digest_size=size, person=label.encode()).digest()


def mac(key: bytes, label: str) -> bytes:
    return hmac.digest(key, label.encode(), "sha512")[:32]


def kdf(salt: bytes, ikm: bytes, info: bytes, size: int) -> list[bytes]:
    """*size* bytes, cut into keys of 32."""
    okm = HKDF(algorithm=SHA512(), length=size, salt=salt, info=info).derive(ikm)
    return [okm[i : i + 32] for i in range(0, size, 32)]


def sha512(message: bytes) -> bytes:
    return hashlib.sha512(message).digest()


def seal(key: bytes, plaintext: bytes, bound: bytes, nonce: bytes | None = None) -> bytes:
    nonce = nonce or secrets.token_bytes(24)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, bound, nonce, key)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[24:], bound, sealed[:24], key
        )
    except nacl.exceptions.CryptoError:
        return None


def x25519(secret: bytes, public: bytes) -> bytes:
    """Agree; the secret is clamped inside. A result of zero is an error."""
    try:
        return bindings.crypto_scalarmult(secret, public)
    except nacl.exceptions.CryptoError:
        raise Malformed("a key of low order") from None


@dataclass(frozen=True)
class KeyPair:
    """A side's X25519 and ML-KEM-768 keys for one chain."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(64), repr=False)

    @property
    def dh(self) -> bytes:
        return bindings.crypto_scalarmult_base(self.secret)

    @property
    def ek(self) -> bytes:
        return MLKEM768PrivateKey.from_seed_bytes(self.seed).public_key().public_bytes_raw()

    def decapsulate(self, ct: bytes) -> bytes:
        return MLKEM768PrivateKey.from_seed_bytes(self.seed).decapsulate(ct)


def encapsulate(ek: bytes) -> tuple[bytes, bytes]:
    """Return ct and ss."""
    try:
        ss, ct = MLKEM768PublicKey.from_public_bytes(ek).encapsulate()
    except ValueError:
        raise Malformed("no ML-KEM key") from None
    return ct, ss


# --- CBOR -----------------------------------------------------------------------------------------


def encode(value: Value) -> bytes:
    return cbor2.dumps(value, canonical=True)


def decode(encoded: bytes) -> Value:
    """The one value that these bytes encode; every second encoding is refused."""
    try:
        value = cbor2.loads(encoded)
        entries = _check(value, 0)
        again = encode(value)
    except (cbor2.CBORError, ValueError, RecursionError):
        raise Malformed("not CBOR of this protocol") from None
    if again != encoded or entries > 2048:
        raise Malformed("not the one encoding")
    return value  # type: ignore[no-any-return]  # _check looked at every type


def _check(value: object, depth: int) -> int:
    """Return how many entries lists and maps have in all."""
    if (type(value) is int and 0 <= value < 2**64) or type(value) in (bytes, str):
        return 0
    inside: list[object]
    if type(value) is list:
        inside = value
    elif type(value) is dict and all(type(k) is int and 0 <= k <= 255 for k in value):
        inside = list(value.values())
    else:
        raise Malformed("a type that is not used")
    if depth == 6:
        raise Malformed("too deep")
    return len(inside) + sum(_check(entry, depth + 1) for entry in inside)


# --- CPace ----------------------------------------------------------------------------------------

PRIME, A = 2**255 - 19, 486662


def generator(prs: bytes, ci: bytes, sid: bytes) -> bytes:
    """Elligator 2 for Curve25519, with 2 as the number that is no square."""
    zeros = bytes(max(0, 127 - len(lv(prs)) - len(lv(b"CPace255"))))
    digest = sha512(lv(b"CPace255", prs, zeros, ci, sid))
    r = int.from_bytes(digest[:32], "little") & (2**255 - 1)
    point = -A * pow(1 + 2 * r * r, -1, PRIME) % PRIME
    if pow(point * (point * point + A * point + 1), (PRIME - 1) // 2, PRIME) == PRIME - 1:
        point = (-point - A) % PRIME
    return point.to_bytes(32, "little")


def isk(sid: bytes, k: bytes, ya: bytes, ada: bytes, yb: bytes, adb: bytes) -> bytes:
    return sha512(lv(b"CPace255_ISK", sid, k) + lv(ya, ada) + lv(yb, adb))


# --- Sync -----------------------------------------------------------------------------------------

CLASSES = {
    0: (32, 8, 1379),
    1: (32, 8, 5431),
    4: (32, 32, 18404),
    16: (64, 64, 69204),
}  # polls, deletes, bytes
ROOMS = {0: 102, 1: 4104, 4: 16110, 16: 64134}
STORED, OCCUPIED = 0, 1


@dataclass(frozen=True)
class Deposit:
    """A box for a place; *at* is the id, or the delete key to replace what lies there."""

    at: bytes
    box: bytes
    ttl_seconds: int = 604_800
    replace: bool = False
    after_seconds: int = 0

    def encoded(self) -> dict[int, Value]:
        return {
            int(self.replace): self.at,
            2: self.ttl_seconds,
            3: self.after_seconds,
            4: self.box,
        }


def padded(body: dict[int, Value], size: int) -> bytes:
    """Add the two strings of zeros, under the next key, that bring *body* to *size* bytes."""
    key = len(body)
    for short in range(3):
        empty = len(encode({**body, key: [b"", bytes(short)]}))
        for head in (0, 1, 2, 4):  # what the length of the first string takes beyond one byte
            if (long := size - empty - head) >= 0:
                encoded = encode({**body, key: [bytes(long), bytes(short)]})
                if len(encoded) == size:
                    return encoded
    raise ValueError("too much for this class")


def request(
    class_: int,
    polls: list[bytes],
    deletes: list[bytes],
    deposits: list[Deposit],
    room: int,
    wait: int,
) -> bytes:
    """One sync; *polls* are as many as its class has."""
    _, n_deletes, size = CLASSES[class_]
    body: dict[int, Value] = {
        0: 1,
        1: list(polls),
        2: [*deletes, *[bytes(32)] * (n_deletes - len(deletes))],
        3: [deposit.encoded() for deposit in deposits],
        4: room,
        5: wait,
    }
    return padded(body, size)


@dataclass
class Relay:
    """One relay, spoken to over one call."""

    address: str
    clock: int = 0
    filling: list[bytes] = field(default_factory=list)

    def sync(
        self,
        polls: Sequence[bytes] = (),
        *,
        deletes: Sequence[bytes] = (),
        deposits: Sequence[Deposit] = (),
        room: int = 1,
        wait: int = 0,
    ) -> tuple[list[bytes | int], list[int]]:
        """Return a box, 0 or 1 for each poll, and an outcome for each deposit."""
        class_ = next(c for c in CLASSES if c >= max(1, len(deposits)))
        n_polls = CLASSES[class_][0]
        places = sorted(secrets.SystemRandom().sample(range(n_polls), len(polls)))
        filled = (self.filling or self.draw_filling())[:n_polls]
        for place, poll in zip(places, polls, strict=True):
            filled[place] = poll
        sent = request(class_, filled, list(deletes), list(deposits), room, wait)
        reply = decode(self._post(sent, ROOMS[room]))
        match reply:
            case {0: 1, 1: int(clock), 2: list(results), 3: list(outcomes), 4: list()}:
                self.clock = clock
            case _:
                raise Malformed("no reply of version 1")
        if len(results) != n_polls or len(outcomes) != len(deposits):
            raise Malformed("a reply to something else")
        found = [r if isinstance(r, bytes) else int(r == 1) for r in (results[p] for p in places)]
        return found, [o if isinstance(o, int) else 3 for o in outcomes]

    def draw_filling(self) -> list[bytes]:
        """Draw other ids for polls not needed, as at each step of a chain."""
        self.filling = [secrets.token_bytes(32) for _ in range(64)]
        return self.filling

    def _post(self, body: bytes, size: int) -> bytes:
        url = urlsplit(self.address)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        try:
            connection.request("POST", "/v1/sync", body, {"Content-Type": "application/cbor"})
            answer = connection.getresponse()
            reply = answer.read(size + 1)
        finally:
            connection.close()
        if answer.status != 200 or len(reply) != size:
            raise Malformed(f"status {answer.status}, {len(reply)} bytes")
        return reply
