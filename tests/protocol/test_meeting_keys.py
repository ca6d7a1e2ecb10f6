"""Branch keys: equal on both sides for the same words, unrelated whenever anything differs."""

import os
from dataclasses import fields, replace

import pytest
from nacl.bindings import crypto_scalarmult_base

from ojak_protocol.box import Header, TurnKeys, open_header
from ojak_protocol.chains import place_at
from ojak_protocol.conversation import Conversation
from ojak_protocol.cpace import Isk, Scalar, Share, new_scalar
from ojak_protocol.kem import SEED_BYTES
from ojak_protocol.meeting_keys import (
    BranchKeys,
    RunName,
    branch_isk,
    branch_keys,
    guest_branch,
    host_branch,
    share_for,
)
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.ratchet import TurnSecrets
from ojak_protocol.stretch import Seed
from tests.people import KEM, heard, holds, newest, said, texts

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


# The two sides of a branch


def side_keys() -> tuple[TurnSecrets, Answer, BranchKeys]:
    """The guest's secrets, the answer that shows its keys, and the keys of a branch."""
    secrets = TurnSecrets(os.urandom(32), os.urandom(SEED_BYTES))
    shown = replace(
        ANSWER, dh=crypto_scalarmult_base(secrets.dh), ek=KEM.public_key(secrets.kem_seed)
    )
    keys = branch_keys(isk(host=True), b"k" * 32, offer=OFFER, run=2, answer=shown, j=0)
    return secrets, shown, keys


def test_what_either_side_of_a_branch_writes_first_opens_on_the_other() -> None:
    secrets, shown, keys = side_keys()
    guest, host = guest_branch(keys, secrets, shown), host_branch(keys, shown)
    first, second = said(guest, "from the guest"), said(host, "from the host")
    assert texts(heard(host, *newest(first))[1]) == ["from the guest"]
    assert texts(heard(guest, *newest(second))[1]) == ["from the host"]


def test_the_guests_first_header_shows_the_answers_keys_again_and_makes_no_step() -> None:
    secrets, shown, keys = side_keys()
    guest, host = guest_branch(keys, secrets, shown), host_branch(keys, shown)
    place, box = newest(said(guest, "from the guest"))
    header = open_header(place, box, header_key=place_at(keys.mbk_guest, 0).header_key)
    assert header == Header(TurnKeys(shown.dh, shown.ek, bytes(1088)), 0, 0)
    assert place == place_at(keys.mbk_guest, 0).id
    assert heard(host, place, box)[0].ratchet.root == host.ratchet.root


def test_the_hosts_first_chain_is_an_ordinary_step_to_the_answers_keys() -> None:
    secrets, shown, keys = side_keys()
    guest, host = guest_branch(keys, secrets, shown), host_branch(keys, shown)
    one, other = said(host, "one"), said(host, "other")
    assert newest(one)[0] == newest(other)[0] == place_at(keys.mbk_host, 0).id
    assert one.ratchet.root != other.ratchet.root != host.ratchet.root
    guest, _ = heard(guest, *newest(one))
    assert guest.ratchet.root == one.ratchet.root
    assert not holds(guest, secrets.dh)


def exchange(guest: Conversation, host: Conversation) -> list[str]:
    """What is read of the guest's chain 0, the host's first and the guest's next, in turn."""
    read: list[str] = []
    writer, reader = guest, host
    for text in ("first", "reply", "second"):
        writer = said(writer, text)
        reader, events = heard(reader, *newest(writer))
        if not texts(events):
            break
        read += texts(events)
        writer, reader = reader, writer
    return read


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("mbk_guest", []),
        ("ck_guest", []),
        ("mbk_host", ["first"]),
        ("root", ["first"]),
        ("next_mbk_guest", ["first", "reply"]),
    ],
)
def test_each_of_the_five_keys_is_needed_where_it_stands(key: str, read: list[str]) -> None:
    secrets, shown, keys = side_keys()
    guest = guest_branch(keys, secrets, shown)
    assert exchange(guest, host_branch(keys, shown)) == ["first", "reply", "second"]
    other = BranchKeys(
        **{field.name: getattr(keys, field.name) for field in fields(keys)} | {key: b"?" * 32}
    )
    assert exchange(guest, host_branch(other, shown)) == read
