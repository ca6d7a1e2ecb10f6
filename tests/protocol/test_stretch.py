"""Number and answers are stretched by the agreed Argon2id, and bound by number, set and order."""

import hashlib
import itertools
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nacl import pwhash

from ojak_protocol.answers import Answers, CanonicalAnswer, answers_of
from ojak_protocol.errors import LocalError
from ojak_protocol.number import Number
from ojak_protocol.primitives import lv
from ojak_protocol.stretch import Seed, answers_prs, argon2id, number_seed

NUMBER = Number("000000005724")
ANSWERS = answers_of("감자밭 할머니", "1974년", "로동자")

forms = st.binary(min_size=1, max_size=20).map(CanonicalAnswer)
three_answers = st.builds(Answers, forms, forms, forms)


def quick(secret: bytes, salt: bytes) -> bytes:
    """Stretch without the cost: any other secret or salt gives other bytes."""
    return hashlib.sha256(lv(secret, salt)).digest()


def sodium(secret: bytes, salt: bytes) -> bytes:
    return pwhash.argon2id.kdf(32, secret, salt, opslimit=3, memlimit=64 * 1024 * 1024)


@pytest.mark.parametrize("secret", [b"", b"000000005724", "감자".encode() * 100])
def test_libsodium_gives_the_same_bytes_as_argon2(secret: bytes) -> None:
    assert argon2id(secret, b"a salt 16 bytes.") == sodium(secret, b"a salt 16 bytes.")


@pytest.mark.parametrize("size", [0, 8, 15, 17, 32])
def test_a_salt_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(LocalError):
        argon2id(b"secret", bytes(size))


def test_the_bytes_of_a_whole_meeting_stay_what_they_are() -> None:
    seed = number_seed(NUMBER, argon2id)
    assert seed.hex() == "52f07a6a4f27da2a0b58501515264211c3fe0c884911394b923625870b0bf06c"
    assert (
        answers_prs(seed, 1, ANSWERS, argon2id).hex()
        == "162c043f20eff97311be0d081913e9195fa659f8960cc995776553b963056914"
    )


def test_seed_and_secret_are_the_formulas_of_the_protocol() -> None:
    def salt(label: bytes, message: bytes) -> bytes:
        return hashlib.blake2b(message, digest_size=16, person=label).digest()

    seed = number_seed(NUMBER, quick)
    assert seed == quick(b"000000005724", salt(b"number-salt", b""))
    typed = ["감자밭할머이".encode(), "1974연".encode(), "노동자".encode()]
    secret = lv(b"ojak-1", b"ko-fold-1", b"\0\0\1\2", *typed)
    assert answers_prs(seed, 258, ANSWERS, quick) == quick(secret, salt(b"answers-salt", seed))


def test_spelling_does_not_change_the_secret_but_order_does() -> None:
    seed = number_seed(NUMBER, quick)
    same = answers_of("감자밭할머이", "\uff11\uff19\uff17\uff14 연", "노동자")
    assert answers_prs(seed, 1, ANSWERS, quick) == answers_prs(seed, 1, same, quick)
    orders = itertools.permutations((ANSWERS.first, ANSWERS.second, ANSWERS.third))
    assert len({answers_prs(seed, 1, Answers(*order), quick) for order in orders}) == 6


def test_another_number_and_another_set_give_another_secret() -> None:
    seeds = [number_seed(Number(digits), quick) for digits in ("000000005724", "000000000000")]
    secrets = {answers_prs(seed, number, ANSWERS, quick) for seed in seeds for number in (0, 1, 2)}
    assert len(secrets) == 6


@given(three_answers, three_answers)
def test_two_lists_of_answers_never_join_to_one_secret(one: Answers, other: Answers) -> None:
    seed = Seed(bytes(32))
    same = answers_prs(seed, 1, one, quick) == answers_prs(seed, 1, other, quick)
    assert same == (one == other)


@given(st.binary(min_size=3, max_size=30), st.data())
def test_moving_the_border_between_two_answers_gives_another_secret(
    joined: bytes, data: st.DataObject
) -> None:
    borders = st.lists(st.integers(0, len(joined)), min_size=2, max_size=2).map(sorted)
    one, other = data.draw(borders), data.draw(borders)
    assume(one != other)
    secrets = {
        answers_prs(
            Seed(bytes(32)),
            1,
            Answers(
                CanonicalAnswer(joined[:first]),
                CanonicalAnswer(joined[first:second]),
                CanonicalAnswer(joined[second:]),
            ),
            quick,
        )
        for first, second in (one, other)
    }
    assert len(secrets) == 2


@pytest.mark.parametrize("set_number", [-1, 1 << 32])
def test_a_set_number_out_of_range_is_our_mistake(set_number: int) -> None:
    with pytest.raises(LocalError):
        answers_prs(Seed(bytes(32)), set_number, ANSWERS, quick)


def test_no_repr_of_what_holds_answers_shows_them() -> None:
    shown = repr({"answers": [ANSWERS]})
    for form in (ANSWERS.first, ANSWERS.second, ANSWERS.third):
        assert repr(form)[2:-1] not in shown
        assert form.decode() not in shown


WITHOUT_MEMORY = """
import resource, sys, _argon2_cffi_bindings
from ojak_protocol.stretch import argon2id
resource.setrlimit(resource.RLIMIT_DATA, (32 * 1024 * 1024,) * 2)
try:
    argon2id(b"secret", bytes(16))
except MemoryError:
    sys.exit(7)
"""


def test_without_the_memory_nothing_is_made_of_less() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT_MEMORY], check=False)
    assert run.returncode == 7


class Refusing:
    """Stands for Argon2's library where it can do nothing; every other name of it is a number."""

    def argon2_hash(self, *_: object) -> int:
        return -22

    def __getattr__(self, name: str) -> int:
        return len(name)


def test_what_argon2_refuses_makes_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_argon2_cffi_bindings.lib", Refusing())
    with pytest.raises(MemoryError):
        argon2id(b"secret", bytes(16))


def test_argon2_is_loaded_only_when_something_is_stretched() -> None:
    code = "import sys, ojak_protocol.stretch; sys.exit('_argon2_cffi_bindings' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
