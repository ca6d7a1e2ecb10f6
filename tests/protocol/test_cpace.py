"""CPace gives the draft's bytes, agrees only on equal inputs, and refuses points of low order."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult

from ojak_protocol.cpace import Isk, Scalar, Share, new_scalar, session_key, share
from ojak_protocol.errors import LocalError, Malformed, Unopenable
from ojak_protocol.primitives import lv

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cpace.json").read_text())
DRAFT = {name: bytes.fromhex(value) for name, value in VECTORS["exchange"].items()}
YA, YB = Scalar(DRAFT["ya"]), Scalar(DRAFT["yb"])
SHARE_A, SHARE_B = Share(DRAFT["Ya"]), Share(DRAFT["Yb"])

scalars = st.binary(min_size=32, max_size=32).map(lambda drawn: new_scalar(lambda _: drawn))


def draft_key(
    scalar: Scalar = YA,
    their_share: Share = SHARE_B,
    *,
    sid: bytes = DRAFT["sid"],
    initiator_data: bytes = DRAFT["ADa"],
    responder_data: bytes = DRAFT["ADb"],
) -> Isk:
    return session_key(
        scalar,
        their_share,
        sid=sid,
        initiator_share=SHARE_A,
        initiator_data=initiator_data,
        responder_share=SHARE_B,
        responder_data=responder_data,
    )


def exchange(
    host: tuple[bytes, bytes, bytes, Scalar], guest: tuple[bytes, bytes, bytes, Scalar]
) -> tuple[Isk, Isk]:
    """Run both sides; each gives (prs, ci, sid, scalar)."""
    from_host, from_guest = share(*host), share(*guest)

    def key(scalar: Scalar, their_share: Share, sid: bytes) -> Isk:
        return session_key(
            scalar,
            their_share,
            sid=sid,
            initiator_share=from_host,
            initiator_data=b"host",
            responder_share=from_guest,
            responder_data=b"guest",
        )

    return key(host[3], from_guest, host[2]), key(guest[3], from_host, guest[2])


def test_the_shares_are_those_of_the_draft() -> None:
    assert share(DRAFT["PRS"], DRAFT["CI"], DRAFT["sid"], YA) == SHARE_A
    assert share(DRAFT["PRS"], DRAFT["CI"], DRAFT["sid"], YB) == SHARE_B


@given(scalars)
def test_every_share_is_the_scalar_times_the_generator_of_the_draft(scalar: Scalar) -> None:
    assert share(DRAFT["PRS"], DRAFT["CI"], DRAFT["sid"], scalar) == crypto_scalarmult(
        scalar, DRAFT["g"]
    )


def test_both_sides_get_the_session_key_of_the_draft() -> None:
    assert draft_key(YA, SHARE_B) == DRAFT["ISK_IR"]
    assert draft_key(YB, SHARE_A) == DRAFT["ISK_IR"]


@pytest.mark.parametrize("vector", VECTORS["points"], ids=lambda vector: vector["name"])
def test_each_special_point_of_the_draft_is_refused_or_gives_its_product(
    vector: dict[str, str],
) -> None:
    scalar = Scalar(bytes.fromhex(VECTORS["points_scalar"]))
    point = Share(bytes.fromhex(vector["point"]))
    if vector["expect"] == "refused":
        with pytest.raises(Unopenable):
            draft_key(scalar, point)
        return
    product = bytes.fromhex(vector["product"])
    assert draft_key(scalar, point) == _key_of(product)


def _key_of(common: bytes) -> bytes:
    head = lv(b"CPace255_ISK", DRAFT["sid"], common)
    return hashlib.sha512(head + lv(SHARE_A, DRAFT["ADa"]) + lv(SHARE_B, DRAFT["ADb"])).digest()


def test_seven_of_the_twelve_special_points_are_refused() -> None:
    assert [vector["expect"] for vector in VECTORS["points"]].count("refused") == 7
    assert len(VECTORS["points"]) == 12


@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40), scalars, scalars)
def test_equal_secrets_agree(
    prs: bytes, ci: bytes, sid: bytes, host: Scalar, guest: Scalar
) -> None:
    ours, theirs = exchange((prs, ci, sid, host), (prs, ci, sid, guest))
    assert ours == theirs
    assert len(ours) == 64


@given(
    st.tuples(*[st.binary(max_size=40)] * 3),
    st.tuples(*[st.binary(max_size=40)] * 3),
    scalars,
    scalars,
)
def test_sides_agree_exactly_when_secret_channel_and_name_are_equal(
    host: tuple[bytes, bytes, bytes],
    guest: tuple[bytes, bytes, bytes],
    host_scalar: Scalar,
    guest_scalar: Scalar,
) -> None:
    ours, theirs = exchange((*host, host_scalar), (*guest, guest_scalar))
    assert (ours == theirs) == (host == guest)


@pytest.mark.parametrize("changed", [0, 1, 2], ids=["prs", "ci", "sid"])
def test_one_different_input_of_the_generator_gives_another_key(changed: int) -> None:
    host = [b"secret", b"channel", b"name"]
    guest = [part + b"x" * (position == changed) for position, part in enumerate(host)]
    ours, theirs = exchange(
        (host[0], host[1], host[2], YA),
        (guest[0], guest[1], guest[2], YB),
    )
    assert ours != theirs


def test_the_name_and_both_data_are_bound_into_the_key() -> None:
    keys = {
        draft_key(),
        draft_key(sid=b"other"),
        draft_key(initiator_data=b"other"),
        draft_key(responder_data=b"other"),
        draft_key(initiator_data=DRAFT["ADb"], responder_data=DRAFT["ADa"]),
    }
    assert len(keys) == 5


def test_the_roles_are_bound_into_the_key() -> None:
    swapped = session_key(
        YA,
        SHARE_B,
        sid=DRAFT["sid"],
        initiator_share=SHARE_B,
        initiator_data=DRAFT["ADb"],
        responder_share=SHARE_A,
        responder_data=DRAFT["ADa"],
    )
    assert swapped != draft_key()


@given(st.binary(min_size=32, max_size=32))
def test_a_scalar_is_clamped_and_its_size_is_what_entropy_is_asked_for(drawn: bytes) -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return drawn

    value = int.from_bytes(new_scalar(entropy), "little")
    assert asked == [32]
    assert value % 8 == 0
    assert value >> 254 == 1


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_scalar_of_another_size_is_our_mistake(size: int) -> None:
    with pytest.raises(LocalError):
        share(b"prs", b"ci", b"sid", Scalar(bytes(size)))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_share_of_another_size_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        draft_key(their_share=Share(b"\x09" * size))


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_as_a_share_give_a_key_or_are_refused(point: bytes) -> None:
    try:
        key = draft_key(their_share=Share(point))
    except Unopenable:
        return
    assert len(key) == 64
