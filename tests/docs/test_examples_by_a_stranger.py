"""The stranger of tests/stranger computes the newer examples too, and owes nothing to our code."""

import ast

import pytest
from argon2.low_level import Type, hash_secret_raw

from tests.docs.kit import ROOT, tracked
from tests.stranger.answers import canonical
from tests.stranger.conversation import encode_body
from tests.stranger.test_examples import digest, documented, x
from tests.stranger.wire import Value, blake, generator, isk, lv, mac, seal, u, x25519

STRANGER = [path for path in tracked("tests/stranger/*.py") if path.suffix == ".py"]


def test_a_parcel_has_the_bytes_of_the_document() -> None:
    key, content = x("file key"), x("content", 5000)
    boxes = []
    for index in (0, 1):
        part = key_of(key, "part", index)
        place = blake("box", part)
        padded = content[3960 * index :][:3960].ljust(3960, b"\0")
        bound_to = lv(place, u(index, 32), u(2, 32))
        nonce = x(f"part nonce {index}", 24)
        boxes.append(seal(key_of(key, "part-key", index), padded, bound_to, nonce))
    assert documented("parcel") == {
        "hash": blake("parcel", content).hex(),
        "parts": "2",
        "dk_1": key_of(key, "part", 1).hex(),
        "id_1": blake("box", key_of(key, "part", 1)).hex(),
        "key_1": key_of(key, "part-key", 1).hex(),
        "box_0": digest(boxes[0]),
        "box_1": digest(boxes[1]),
    }


def key_of(key: bytes, label: str, index: int) -> bytes:
    # The index is below 128, where the bytes of u32 are those of the same ASCII text.
    return mac(key, label + u(index, 32).decode())


def test_a_comparison_has_the_bytes_of_the_document() -> None:
    nonce, question = x("ask nonce", 16), "그 개 이름은?".encode()
    salt = blake("ask-salt", nonce, 16)
    prs = hash_secret_raw(canonical("왜가리"), salt, 3, 65_536, 1, 32, Type.ID)
    sid, ci = blake("ask", nonce), lv(b"ojak-1", b"ask", b"ko-fold-1")
    ya, yb = (x25519(x(name), generator(prs, ci, sid)) for name in ("ask ya", "ask yb"))
    key = isk(sid, x25519(x("ask ya"), yb), ya, lv(question), yb, nonce)
    assert documented("comparison") == {
        "PRS": prs.hex(),
        "sid": sid.hex(),
        "CI": ci.hex(),
        "Ya": ya.hex(),
        "Yb": yb.hex(),
        "ISK": key.hex(),
        "tag of the reply": mac(key, "ask-reply").hex(),
        "tag of the outcome": mac(key, "ask-outcome").hex(),
    }


def test_bodies_of_every_kind_have_the_bytes_of_the_document() -> None:
    file, hashed = x("file key"), x("hash")
    nonce, share, tag = x("ask nonce", 16), x("share"), x("ask tag")
    texts: list[Value] = ["Whose dog?", "그 산?", "哪条河?"]
    fields: list[dict[int, Value]] = [
        {0: 3, 6: {0: file, 1: 5000, 2: hashed, 3: 2, 5: 1}},
        {0: 3, 6: {0: file, 1: 5, 2: hashed, 3: 1, 4: 1_800_000_000, 5: 0}},
        {0: 4, 6: {0: 1}},
        {0: 6, 6: {0: 2, 1: texts}},
        {0: 7, 6: {0: 123456789018}},
        {0: 8, 6: {0: "https://relay.example"}},
        {0: 9, 1: "Whose dog?", 6: {0: nonce, 1: share}},
        {0: 10, 6: {0: nonce, 1: share, 2: tag}},
        {0: 11, 6: {0: nonce, 2: tag}},
        {0: 12},
    ]
    written = list(documented("kinds").values())
    assert len(written) == len(fields)
    for line, said in zip(written, fields, strict=True):
        assert encode_body(said).hex().startswith(line)
        assert not any(encode_body(said)[len(line) // 2 :])


@pytest.mark.parametrize("path", STRANGER, ids=lambda path: path.name)
def test_the_stranger_imports_nothing_of_ojak(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")
    names = [
        name
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert not [name for name in names if name.startswith(("ojak", "tests"))]


def test_the_stranger_is_there() -> None:
    assert len(STRANGER) > 5
