"""A guest written from docs/protocol.md alone: it imports nothing of Ojak.

It is no client to copy: it keeps nothing, checks little and looks at few places. It is here to show
that the document says enough to meet a host, to read and to write, and to turn the ratchet.
"""

import hashlib
import hmac
import http.client
import os
import unicodedata
from dataclasses import dataclass, field
from typing import Any

import cbor2
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings as sodium

DAY = 86_400
BODIES = {0: (0, 8, 1379), 1: (1, 8, 5431), 4: (4, 32, 18_404)}
"""Class: deposits, deletes, length of a request."""
REPLIES = {0: 102, 1: 4104, 4: 16_110}


# "Conventions"


def lv(*parts: bytes) -> bytes:
    out = b""
    for part in parts:
        size = len(part)
        while size > 127:
            out += bytes([size % 128 + 128])
            size //= 128
        out += bytes([size]) + part
    return out


def blake(label: str, message: bytes, size: int = 32) -> bytes:
    return hashlib.blake2b(message, digest_size=size, person=label.encode()).digest()


def mac(key: bytes, label: str) -> bytes:
    return hmac.new(key, label.encode(), "sha512").digest()[:32]


def kdf(salt: bytes, ikm: bytes, info: bytes, size: int) -> list[bytes]:
    out = HKDF(algorithm=SHA512(), length=size, salt=salt, info=info).derive(ikm)
    return [out[at : at + 32] for at in range(0, size, 32)]


def seal(key: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(24)
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        plaintext, bound_to, nonce, key
    )


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        sealed[24:], bound_to, sealed[:24], key
    )


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


# "Codeword form ko-fold-1" (of the refusals, only that of an empty answer)


def canonical(typed: str) -> bytes:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold())
    kept = ""
    for character in text:
        code = ord(character)
        base = unicodedata.normalize("NFD", character)[0]
        if unicodedata.category(character) == "Nd":
            kept += str(unicodedata.decimal(character))
        elif 0x61 <= code <= 0x24F and "a" <= base <= "z":
            kept += base
        elif 0xAC00 <= code <= 0xD7A3 or 0x4E00 <= code <= 0x9FFF:
            kept += character
    assert kept
    return "".join(map(folded, kept, [*kept[1:], ""])).encode()


def folded(character: str, following: str) -> str:
    if not "가" <= character <= "힣":
        return character
    block, final = divmod(ord(character) - 0xAC00, 28)
    initial, vowel = divmod(block, 21)
    if initial in (2, 5):  # ㄴ ㄹ
        initial = 11 if vowel in (2, 3, 6, 7, 12, 17, 20) else 2  # ㅑㅒㅕㅖㅛㅠㅣ
    if final == 19 and "가" <= following <= "힣":  # ㅅ
        final = 0
    vowel = {1: 5, 3: 7, 10: 11, 15: 11}.get(vowel, vowel)
    return chr(0xAC00 + (initial * 21 + vowel) * 28 + final)


# "Number and answers", "The meeting point"


def argon2id(secret: bytes, salt: bytes) -> bytes:
    return hash_secret_raw(secret, salt, 3, 65_536, 1, 32, Type.ID)


def place(seed: bytes, kind: str, *parts: bytes) -> bytes:
    return blake("meet", lv(seed, kind.encode(), *parts))


# "CPace"


def clamped() -> bytes:
    scalar = bytearray(os.urandom(32))
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    return bytes(scalar)


def share(prs: bytes, ci: bytes, sid: bytes, scalar: bytes) -> bytes:
    zeros = bytes(max(0, 127 - len(lv(prs)) - len(lv(b"CPace255"))))
    digest = bytearray(hashlib.sha512(lv(b"CPace255", prs, zeros, ci, sid)).digest()[:32])
    digest[31] &= 127
    eighth = number(int.from_bytes(scalar, "little") // 8, 32)[::-1]
    point = sodium.crypto_core_ed25519_from_uniform(bytes(digest))
    return sodium.crypto_sign_ed25519_pk_to_curve25519(
        sodium.crypto_scalarmult_ed25519_noclamp(eighth, point)
    )


# "Chains", "The box", "Letters"


@dataclass
class Chain:
    mailbox: bytes
    key: bytes
    dh: bytes
    ek: bytes
    ct: bytes
    before: int = 0
    index: int = 0

    def keys(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Return delete key, id, header key and body key of the present place, and go on."""
        dk = mac(self.mailbox, "dk")
        found = dk, blake("box", dk), mac(self.mailbox, "header"), mac(self.key, "body")
        self.mailbox, self.key = blake("next", self.mailbox), mac(self.key, "chain")
        self.index += 1
        return found

    def write(self, fields: dict[int, Any]) -> tuple[bytes, bytes]:
        head = self.dh + self.ek + self.ct + number(self.index, 4) + number(self.before, 4)
        _, place_id, header_key, body_key = self.keys()
        encoded = cbor2.dumps(fields, canonical=True)
        header = seal(header_key, head, place_id)
        body = (number(len(encoded), 2) + encoded).ljust(1608, b"\0")
        return place_id, header + seal(body_key, body, lv(place_id, header))


def opened(keys: tuple[bytes, bytes, bytes, bytes], box: bytes) -> dict[int, Any]:
    _, place_id, _, body_key = keys
    body = unseal(body_key, box[2352:], lv(place_id, box[:2352]))
    fields = cbor2.loads(body[2 : 2 + int.from_bytes(body[:2], "big")])
    assert isinstance(fields, dict)
    return fields


# "Sync"


@dataclass
class Relay:
    host: str
    port: int
    clock: int = 0

    def sync(
        self,
        polls: list[bytes],
        deposits: list[tuple[bytes, bytes]] | None = None,
        deletes: list[bytes] | None = None,
        wait: int = 0,
    ) -> dict[bytes, bytes]:
        """Return what lies at *polls*, asked first; every deposit must be stored."""
        size = next(size for size in (1, 4) if len(deposits or []) <= size)
        _, most_deletes, length = BODIES[size]
        filled = polls + [os.urandom(32) for _ in range(32 - len(polls))]
        shown = (deletes or []) + [bytes(32)] * (most_deletes - len(deletes or []))
        laid = [{0: where, 2: 604_800, 3: 0, 4: box} for where, box in deposits or []]
        body = padded({0: 1, 1: filled, 2: shown, 3: laid, 4: 4, 5: wait}, length)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("POST", "/v1/sync", body, {"Content-Type": "application/cbor"})
        answer = connection.getresponse().read()
        connection.close()
        assert len(answer) == REPLIES[4], answer[:100]
        reply = cbor2.loads(answer)
        assert reply[3] == [0] * len(laid)
        self.clock = reply[1]
        return {
            where: box for where, box in zip(polls, reply[2], strict=False) if box not in (0, 1)
        }


def padded(fields: dict[int, Any], length: int) -> bytes:
    for second in range(3):
        room = length - len(cbor2.dumps({**fields, 6: [b"", bytes(second)]}, canonical=True))
        for head in (0, 1, 2):
            body = cbor2.dumps({**fields, 6: [bytes(max(0, room - head)), bytes(second)]})
            if len(body) == length:
                return body
    raise AssertionError("no padding fits")


# "Offer and answer", "Keys of a meeting", "Meeting", "The ratchet"


@dataclass
class Guest:
    relay: Relay
    digits: str
    answers: tuple[str, str, str]
    digest: bytes = bytes(32)
    read: int = 0
    deletes: list[bytes] = field(default_factory=list)

    def meet(self) -> dict[int, Any]:
        """Answer the offer and return what the host's first box says."""
        self.seed = argon2id(self.digits.encode(), blake("number-salt", b"", 16))
        forms = [canonical(answer) for answer in self.answers]
        prs = argon2id(
            lv(b"ojak-1", b"ko-fold-1", number(1, 4), *forms),
            blake("answers-salt", self.seed, 16),
        )
        self.relay.sync([])
        offer = self._offer()
        nonce = offer[6:38]
        kem, dh = MLKEM768PrivateKey.generate(), os.urandom(32)
        shared, ct = MLKEM768PublicKey.from_public_bytes(offer[38:1222]).encapsulate()
        ci = lv(b"ojak-1", b"host", b"guest", b"ko-fold-1", number(1, 4))
        sids = [blake("sid", lv(self.seed, nonce, b"\0", number(j, 1))) for j in (0, 1)]
        scalars = clamped(), clamped()
        shares = [share(prs, ci, sids[j], scalars[j]) for j in (0, 1)]
        head = b"\x01\x01" + os.urandom(32) + number(self.relay.clock + 600, 8)
        public = kem.public_key().public_bytes_raw()
        tail = sodium.crypto_scalarmult_base(dh) + public + ct
        answer = head + shares[0] + shares[1] + tail
        where = place(self.seed, "answer", nonce, b"\0")
        box = seal(blake("meet-seal", self.seed), answer.ljust(3960, b"\0"), where)

        branches = []
        for j in (0, 1):
            theirs = offer[1222 + 32 * j :][:32]
            common = sodium.crypto_scalarmult(scalars[j], theirs)
            isk = hashlib.sha512(
                lv(b"CPace255_ISK", sids[j], common)
                + lv(theirs, offer)
                + lv(shares[j], head + tail)
            ).digest()
            th = hashlib.sha512(lv(offer, b"\0", answer)).digest()
            branches.append(kdf(th, isk + shared, b"meet" + number(j, 1), 160))
        self.dh, self.kem, self.public = dh, kem, public
        looked = [blake("box", mac(keys[4], "dk")) for keys in branches]
        found = self.relay.sync(looked, [(where, box)], wait=25)
        for place_id, keys in zip(looked, branches, strict=True):
            if place_id in found:
                self.root, key, mailbox, self.next_ours, self.next_theirs = keys
                first = sodium.crypto_scalarmult_base(dh)
                self.ours = Chain(mailbox, key, first, public, bytes(1088))
                return self.turn(found[place_id])
        raise AssertionError("no box of the host opened")

    def _offer(self) -> bytes:
        day = self.relay.clock // DAY
        wanted = [
            place(self.seed, "offer", number(1, 4), number(near, 4), number(n, 1))
            for near in (day, day + 1, day - 1)
            for n in (2, 1, 0)
        ]
        found = self.relay.sync(wanted, wait=25)
        where = next(where for where in wanted if where in found)
        return unseal(blake("meet-seal", self.seed), found[where], where)[:1478]

    def step(
        self, mine: bytes, kem_ek: bytes, dh: bytes, shared: bytes, keys: bytes
    ) -> list[bytes]:
        """Return root', chain key and next mailbox key."""
        bound = hashlib.sha512(keys[1216:] + kem_ek + keys[:1216]).digest()
        ikm = sodium.crypto_scalarmult(mine, dh) + shared + bound
        return kdf(self.root, ikm, b"step", 96)

    def turn(self, box: bytes) -> dict[int, Any]:
        """Open the first box of the host's next chain."""
        dk = mac(self.next_theirs, "dk")
        head = unseal(mac(self.next_theirs, "header"), box[:2352], blake("box", dk))
        keys = head[:2304]
        shared = self.kem.decapsulate(keys[1216:])
        mailbox = self.next_theirs
        self.root, key, self.next_theirs = self.step(self.dh, self.ours.ek, keys[:32], shared, keys)
        chain = Chain(mailbox, key, keys[:32], keys[32:1216], keys[1216:])
        self.theirs = chain
        place_keys = chain.keys()
        self.deletes.append(place_keys[0])
        self.digest = blake("ack", self.digest + place_keys[1] + blake("form", box))
        self.read += 1
        return opened(place_keys, box)

    def say(self, text: str) -> None:
        """Write a letter: the first in chain 0, the next one after a turn in a chain of its own."""
        if self.ours.index:
            theirs = MLKEM768PublicKey.from_public_bytes(self.theirs.ek)
            shared, ct = theirs.encapsulate()
            self.dh, self.kem = os.urandom(32), MLKEM768PrivateKey.generate()
            ek = self.kem.public_key().public_bytes_raw()
            keys = sodium.crypto_scalarmult_base(self.dh) + ek + ct
            mailbox = self.next_ours
            self.root, key, self.next_ours = self.step(
                self.dh, self.theirs.ek, self.theirs.dh, shared, keys
            )
            self.ours = Chain(mailbox, key, keys[:32], ek, ct, before=self.ours.index)
        told = [self.read, self.digest[:8], 0, 0]
        fields: dict[int, Any] = {0: 1, 1: text, 2: told}
        if not any(self.ours.ct):
            fields[4] = 1
        self.relay.sync([], [self.ours.write(fields)], self.deletes)
        self.deletes = []

    def hear(self) -> dict[int, Any]:
        """Wait for the first box of the host's next chain and open it."""
        where = blake("box", mac(self.next_theirs, "dk"))
        found: dict[bytes, bytes] = {}
        while where not in found:
            found = self.relay.sync([where], wait=25)
        return self.turn(found[where])
