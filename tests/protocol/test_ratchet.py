"""The ratchet: secrets last one chain, skipping is bounded, hostile keys are left alone."""

import os
from dataclasses import dataclass, replace
from hashlib import sha512

import pytest
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from ojak_protocol import ratchet
from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.box import BODY_BYTES, Header, TurnKeys, seal_box
from ojak_protocol.chains import ChainKey, MailboxKey, body_key, place_at
from ojak_protocol.errors import CopyDetected, LocalError, Malformed, Unopenable
from ojak_protocol.kem import SEED_BYTES
from ojak_protocol.primitives import kdf
from ojak_protocol.ratchet import MOST_SKIPPED, Ratchet, SealedPlace
from tests.people import ENTROPY, KEM, holds, meet

LETTER, WITHDRAWN = b"l" * BODY_BYTES, b"w" * BODY_BYTES


@pytest.fixture
def sides() -> tuple[Ratchet, Ratchet]:
    """A host and a guest, each able to write."""
    pair = meet()
    return pair.host.ratchet, pair.guest.ratchet


def sealed(state: Ratchet) -> tuple[Ratchet, SealedPlace]:
    return ratchet.seal(state, LETTER, WITHDRAWN, entropy=ENTROPY, kem=KEM)


def many(state: Ratchet, count: int) -> tuple[Ratchet, list[SealedPlace]]:
    places = []
    for _ in range(count):
        state, place = sealed(state)
        places.append(place)
    return state, places


def opened(state: Ratchet, place: SealedPlace) -> tuple[Ratchet, ratchet.Opened]:
    return ratchet.open_(state, place.place.id, place.letter, kem=KEM)


def test_either_form_opens_and_then_neither(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = sides
    _, place = sealed(host)
    for box, body in ((place.letter, LETTER), (place.withdrawn, WITHDRAWN)):
        after, got = ratchet.open_(guest, place.place.id, box, kem=KEM)
        assert got.body == body
        with pytest.raises(Unopenable):
            ratchet.open_(after, place.place.id, place.letter, kem=KEM)
        with pytest.raises(Unopenable):
            ratchet.open_(after, place.place.id, place.withdrawn, kem=KEM)


def test_both_forms_have_one_header_and_nonces_of_their_own_for_their_bodies(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    _, place = sealed(sides[0])
    assert place.letter[:2352] == place.withdrawn[:2352]
    assert place.letter[2352:2376] != place.withdrawn[2352:2376]


def test_the_secrets_of_a_turn_are_gone_after_the_one_chain_that_they_opened(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    host, guest = sides
    for _ in range(3):
        guest, from_guest = many(guest, 2)
        secrets = guest.ours
        assert secrets is not None
        host, _ = opened(opened(host, from_guest[0])[0], from_guest[1])
        host, from_host = sealed(host)
        root = guest.root
        guest, _ = opened(guest, from_host)
        for gone in (secrets.dh, secrets.kem_seed, root):
            assert not holds(guest, gone)
        host, guest = guest, host
        guest, more = sealed(guest)
        host, _ = opened(host, more)


def test_every_chain_has_new_keys_and_a_root_of_both_secrets(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    host, guest = sides
    seen = []
    for _ in range(3):
        guest, place = sealed(guest)
        assert guest.sending is not None
        seen.append(guest.sending.keys)
        host, _ = opened(host, place)
        host, place = sealed(host)
        guest, _ = opened(guest, place)
    for kind in ("dh", "ek", "ct"):
        assert len({getattr(keys, kind) for keys in seen}) == 3


def test_skipping_is_bounded_to_64_places(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = sides
    _, places = many(host, 67)
    with pytest.raises(Unopenable):
        opened(guest, places[MOST_SKIPPED])
    guest, _ = opened(guest, places[MOST_SKIPPED - 1])
    assert guest.receiving is not None
    assert len(guest.receiving.skipped) == MOST_SKIPPED - 1
    guest, _ = opened(guest, places[MOST_SKIPPED])
    with pytest.raises(Unopenable):
        opened(guest, places[MOST_SKIPPED + 2])
    for place in places[: MOST_SKIPPED - 1]:
        guest, _ = opened(guest, place)
    assert guest.receiving is not None
    assert guest.receiving.skipped == ()
    missing, present, coming = ratchet.expected_places(guest)
    assert (len(missing), len(present), len(coming)) == (0, MOST_SKIPPED, 0)


def test_a_skipped_place_refuses_what_is_not_its_box(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = sides
    _, places = many(host, 3)
    guest, _ = opened(guest, places[2])
    for wrong in (places[1].letter, bytes(BOX_BYTES), b""):
        with pytest.raises((Unopenable, Malformed)):
            ratchet.open_(guest, places[0].place.id, wrong, kem=KEM)
    assert opened(guest, places[0])[1].body == LETTER


def test_nothing_can_be_written_before_the_other_sides_keys_are_known(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    with pytest.raises(LocalError):
        sealed(replace(sides[0], sending=None, theirs=None))


def turned(sides: tuple[Ratchet, Ratchet]) -> tuple[Ratchet, Ratchet]:
    """The sides when it is the host's turn to begin a chain, and its keys of the last are known."""
    host, guest = sides
    guest, place = sealed(guest)
    host, _ = opened(host, place)
    return host, guest


@dataclass(frozen=True)
class Odd:
    """What a hostile peer puts in the first box of its next chain, all else being right."""

    dh: bytes | None = None
    ek: bytes | None = None
    ct: bytes | None = None
    index: int = 0
    previous_length: int | None = None
    hashed_as_shown: bool = True
    """Whether the odd values are also what the peer hashes into its keys."""


def forged_next(host: Ratchet, odd: Odd) -> tuple[MailboxId, bytes]:
    """The first box of the host's next chain, by the formulas of the design and not by our code."""
    assert host.theirs is not None
    assert host.sending is not None
    secret = os.urandom(32)
    shared, ciphertext = KEM.encapsulate(host.theirs.ek)
    right = TurnKeys(
        crypto_scalarmult_base(secret), KEM.public_key(os.urandom(SEED_BYTES)), ciphertext
    )
    shown = TurnKeys(odd.dh or right.dh, odd.ek or right.ek, odd.ct or right.ct)
    hashed = shown if odd.hashed_as_shown else right
    bound = sha512(hashed.ct + host.theirs.ek + hashed.dh + hashed.ek).digest()
    ikm = crypto_scalarmult(secret, host.theirs.dh) + shared + bound
    out = kdf(salt=host.root, ikm=ikm, info=b"step", size=96)
    place = place_at(host.next_sending, 0)
    length = host.sending.index if odd.previous_length is None else odd.previous_length
    return place.id, seal_box(
        place.id,
        header_key=place.header_key,
        header=Header(shown, odd.index, length),
        body_key=body_key(ChainKey(out[32:64])),
        body=LETTER,
        entropy=ENTROPY,
    )


def test_a_root_step_follows_the_formula_of_the_design(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = turned(sides)
    place, box = forged_next(host, Odd())
    assert ratchet.open_(guest, place, box, kem=KEM)[1].body == LETTER


ANOTHER_EK = KEM.public_key(bytes(SEED_BYTES))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(Odd(dh=bytes(32)), id="low order dh 0"),
        pytest.param(Odd(dh=b"\1" + bytes(31)), id="low order dh 1"),
        pytest.param(Odd(ek=b"\xff" * 1184), id="kem key that is none"),
        pytest.param(Odd(ct=bytes(1088)), id="forged ciphertext"),
        pytest.param(Odd(ek=ANOTHER_EK, hashed_as_shown=False), id="kem key swapped"),
        pytest.param(Odd(index=1), id="another index"),
        pytest.param(Odd(previous_length=66), id="previous chain too long"),
        pytest.param(Odd(previous_length=2**32 - 1), id="previous chain endless"),
    ],
)
def test_a_next_chain_with_odd_public_values_is_left_alone(
    sides: tuple[Ratchet, Ratchet], odd: Odd
) -> None:
    host, guest = turned(sides)
    place, box = forged_next(host, odd)
    with pytest.raises((Malformed, Unopenable)):
        ratchet.open_(guest, place, box, kem=KEM)
    host, honest = sealed(host)
    assert opened(guest, honest)[1].body == LETTER


def test_a_second_set_of_keys_in_one_chain_means_a_copy(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = turned(sides)
    first, second = many(host, 2)[1], many(host, 2)[1]
    guest, _ = opened(guest, first[0])
    with pytest.raises(CopyDetected):
        opened(guest, second[1])


def test_a_chain_told_to_be_shorter_than_what_was_opened_of_it_means_a_copy(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    """Its writer was restored from before the end of that chain, and then began the next."""
    restored, guest = sides
    _, places = many(restored, 3)
    guest, _ = opened(guest, places[0])
    guest, from_guest = sealed(guest)
    for place in places[1:]:
        guest, _ = opened(guest, place)
    restored, _ = opened(restored, from_guest)
    _, place = sealed(restored)
    with pytest.raises(CopyDetected):
        opened(guest, place)


def test_a_first_chain_that_claims_to_follow_another_is_left_alone() -> None:
    pair = meet()
    host, guest = turned((pair.host.ratchet, pair.guest.ratchet))
    fresh = replace(guest, receiving=None)
    for length, fits in ((0, True), (1, False)):
        place, box = forged_next(host, Odd(previous_length=length))
        if fits:
            ratchet.open_(fresh, place, box, kem=KEM)
        else:
            with pytest.raises(Malformed):
                ratchet.open_(fresh, place, box, kem=KEM)


def test_a_place_missing_of_a_chain_that_ended_opens_once_until_the_next_ends(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    host, guest = sides
    host, places = many(host, 3)
    guest, _ = opened(guest, places[2])
    for turn in range(2):
        guest, place = sealed(guest)
        host, _ = opened(host, place)
        host, place = sealed(host)
        guest, got = opened(guest, place)
        if turn == 0:
            assert got.lost == ()
            guest, got = opened(guest, places[0])
            assert (got.body, got.place.id) == (LETTER, places[0].place.id)
            with pytest.raises(Unopenable):
                opened(guest, places[0])
    assert [(lost.index, lost.id) for lost in got.lost] == [
        (places[1].place.index, places[1].place.id)
    ]
    with pytest.raises(Unopenable):
        opened(guest, places[1])


def test_a_box_whose_header_tells_another_place_of_its_chain_is_left_alone(
    sides: tuple[Ratchet, Ratchet],
) -> None:
    """At a place that is still ahead, and at one passed over."""
    host, guest = sides
    host, places = many(host, 2)
    assert host.sending is not None
    place = places[0].place
    lying = seal_box(
        place.id,
        header_key=place.header_key,
        header=Header(host.sending.keys, place.index + 1, 0),
        body_key=os.urandom(32),
        body=LETTER,
        entropy=ENTROPY,
    )
    for reader in (guest, opened(guest, places[1])[0]):
        with pytest.raises(Malformed):
            ratchet.open_(reader, place.id, lying, kem=KEM)
        assert opened(reader, places[0])[1].body == LETTER


def test_states_that_no_meeting_gives_are_misuse(sides: tuple[Ratchet, Ratchet]) -> None:
    host, guest = turned(sides)
    _, place = sealed(host)
    with pytest.raises(LocalError):
        opened(replace(guest, sending=None), place)


def test_mailbox_keys_do_not_lead_back(sides: tuple[Ratchet, Ratchet]) -> None:
    host, _ = sides
    assert host.sending is not None
    before: MailboxKey = host.sending.mailbox_key
    host, _ = sealed(host)
    assert not holds(host, before)
