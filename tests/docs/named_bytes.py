"""What the examples are made of: bytes that follow from a name, and how long ones are shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256, shake_256

from ojak_protocol.kem import MlKem768

Lines = Iterator[tuple[str, str]]


SHOWN_WHOLE_BYTES = 96


def x(name: str, size: int) -> bytes:
    """Return X(name, size) of the document."""
    return shake_256(name.encode()).digest(size)


def shown(value: bytes) -> str:
    if len(value) <= SHOWN_WHOLE_BYTES:
        return value.hex()
    return f"{len(value)} bytes, SHA-256 {sha256(value).hexdigest()}"


def draws(*values: bytes) -> Callable[[int], bytes]:
    """Return an entropy that gives *values* in turn, each of the length asked for."""
    left = list(values)

    def draw(size: int) -> bytes:
        value = left.pop(0)
        assert len(value) == size
        return value

    return draw


@dataclass
class ExampleKem(MlKem768):
    """ML-KEM whose ciphertexts are given: decapsulation is defined for any 1088 bytes."""

    seed: bytes
    ciphertext: bytes

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        assert public_key == self.public_key(self.seed)
        return self.decapsulate(self.seed, self.ciphertext), self.ciphertext
