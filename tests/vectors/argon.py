"""The real Argon2id, computed once for each input: the vectors ask for the same ones many times."""

from functools import cache

from ojak_protocol.stretch import argon2id


@cache
def stretched(secret: bytes, salt: bytes) -> bytes:
    return argon2id(secret, salt)
