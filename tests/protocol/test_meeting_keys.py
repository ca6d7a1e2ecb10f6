"""Branch keys: equal on both sides for the same words, unrelated whenever anything differs."""

import os
from dataclasses import fields, replace

import pytest

from ojak_protocol.cpace import Isk, Scalar, Share, new_scalar
from ojak_protocol.meeting_keys import RunName, branch_isk, branch_keys, share_for
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.stretch import Seed

NAME = RunName(Seed(b"s" * 32), b"n" * 32, 1, 2)
WORD = b"w" * 32
HOSTS, GUESTS = (new_scalar(os.urandom), new_scalar(os.urandom))


def offer_with(name: RunName = NAME, word: bytes = WORD) -> Offer:
    ours = (share_for(name, 0, prs=word, scalar=HOSTS), share_for(name, 1, prs=word, scalar=HOSTS))
    other = (Share(b"x" * 32), Share(b"y" * 32))
    return Offer(1, b"n" * 32, b"e" * 1184, (other, other, ours, other))


def answer_with(name: RunName = NAME, word: bytes = WORD) -> Answer:
    first, second = (share_for(name, j, prs=word, scalar=GUESTS) for j in (0, 1))
    return Answer(b"b" * 32, 5, (first, second), b"d" * 32, b"k" * 1184, b"c" * 1088)


OFFER, ANSWER = offer_with(), answer_with()


def isk(
    *,
    host: bool,
    name: RunName = NAME,
    j: int = 0,
    offer: Offer = OFFER,
    answer: Answer = ANSWER,
) -> Isk:
    scalar: Scalar = HOSTS if host else GUESTS
    return branch_isk(
        name, j, scalar=scalar, offer=offer, answer=answer, entropy=os.urandom, host=host
    )


@pytest.mark.parametrize("j", [0, 1])
def test_both_sides_get_one_key_for_one_word_and_another_in_the_other_branch(j: int) -> None:
    assert isk(host=True, j=j) == isk(host=False, j=j)
    assert isk(host=True, j=j) != isk(host=True, j=1 - j)


def test_another_word_gives_another_key() -> None:
    wrong = answer_with(word=b"v" * 32)
    assert isk(host=True, answer=wrong) != isk(host=False, answer=wrong)


CHANGED_ANSWERS: dict[str, Answer] = {
    "nonce": replace(ANSWER, nonce=b"B" * 32),
    "until": replace(ANSWER, until=6),
    "dh": replace(ANSWER, dh=b"D" * 32),
    "ek": replace(ANSWER, ek=b"K" * 1184),
    "ct": replace(ANSWER, ct=b"C" * 1088),
}


@pytest.mark.parametrize("changed", CHANGED_ANSWERS)
def test_every_field_of_the_answer_is_bound_into_the_cpace_key(changed: str) -> None:
    assert isk(host=True, answer=CHANGED_ANSWERS[changed]) != isk(host=False)


CHANGED_OFFERS: dict[str, Offer] = {
    "set": replace(OFFER, set_number=2),
    "nonce": replace(OFFER, nonce=b"N" * 32),
    "ek": replace(OFFER, ek=b"E" * 1184),
    "shares of another run": replace(OFFER, shares=(OFFER.shares[2], *OFFER.shares[1:])),
}


@pytest.mark.parametrize("changed", CHANGED_OFFERS)
def test_every_field_of_the_offer_is_bound_into_the_cpace_key(changed: str) -> None:
    assert isk(host=True, offer=CHANGED_OFFERS[changed]) != isk(host=False)


@pytest.mark.parametrize(
    "name",
    [
        replace(NAME, seed=Seed(b"t" * 32)),
        replace(NAME, offer_nonce=b"m" * 32),
        replace(NAME, run=1),
    ],
    ids=["seed", "nonce", "run"],
)
def test_the_name_of_the_run_is_bound_into_the_session(name: RunName) -> None:
    assert name.sid(0) != NAME.sid(0)
    assert name.sid(0) != name.sid(1)


def test_the_channel_names_suite_roles_form_and_set() -> None:
    assert NAME.ci().startswith(b"\x06ojak-1\x04host\x05guest")
    assert replace(NAME, set_number=2).ci() != NAME.ci()


LOW_ORDER = [Share(bytes(32)), Share(b"\1" + bytes(31)), Share(b"\xed" + b"\xff" * 30 + b"\x7f")]


@pytest.mark.parametrize("share", LOW_ORDER)
def test_a_share_of_low_order_gives_a_key_that_nobody_has(share: Share) -> None:
    answer = replace(ANSWER, shares=(share, share))
    first = isk(host=True, answer=answer)
    assert len(first) == 64
    assert first != isk(host=True, answer=answer)
    offer = replace(OFFER, shares=((share, share),) * 4)
    assert isk(host=False, offer=offer) != isk(host=False, offer=offer)


@pytest.mark.parametrize("run", range(4))
@pytest.mark.parametrize("side", [0, 1])
def test_a_share_reflected_from_any_run_of_the_offer_gives_a_key_that_nobody_has(
    run: int, side: int
) -> None:
    reflected = OFFER.shares[run][side]
    answer = replace(ANSWER, shares=(reflected, reflected))
    for j in (0, 1):
        assert isk(host=True, answer=answer, j=j) != isk(host=True, answer=answer, j=j)


def five_keys(
    *,
    key: Isk = isk(host=True),  # noqa: B008 - a constant of these tests
    shared: bytes = b"k" * 32,
    offer: Offer = OFFER,
    run: int = 2,
    answer: Answer = ANSWER,
    j: int = 0,
) -> list[bytes]:
    made = branch_keys(key, shared, offer=offer, run=run, answer=answer, j=j)
    return [getattr(made, field.name) for field in fields(made)]


def test_the_five_keys_of_a_branch_differ_from_each_other_and_from_every_other_branch() -> None:
    keys = [
        *five_keys(),
        *five_keys(j=1),
        *five_keys(run=1),
        *five_keys(shared=b"K" * 32),
        *five_keys(key=isk(host=True, j=1)),
        *(key for changed in CHANGED_ANSWERS.values() for key in five_keys(answer=changed)),
        *(key for changed in CHANGED_OFFERS.values() for key in five_keys(offer=changed)),
    ]
    assert len(keys) == 5 * 14
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}
