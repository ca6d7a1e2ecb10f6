"""H4: every sealed thing is refused in the place of every other, by a table that none can miss."""

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

import ojak_protocol
from ojak_protocol import labels, ratchet
from ojak_protocol.errors import TooNew, Unopenable
from ojak_protocol.primitives import seal, unseal
from tests.protocol.contacts import KEM, Contact, written
from tests.protocol.sealed_things import (
    Thing,
    at_no_place,
    is_accepted,
    meeting_things,
    plain_things,
    put_together,
    things,
)

SOURCES = {path.stem: path for path in Path(ojak_protocol.__file__).parent.glob("*.py")}
LABELS = {name for name in vars(labels) if name.startswith(("H_", "MAC_", "KDF_"))}

KEEPS_NOTHING_APART = {
    "H_NUMBER_SALT": "a salt of Argon2id, before any key",
    "H_ANSWERS_SALT": "a salt of Argon2id, before any key",
    "H_FORM": "a hash that is compared, of a box that was opened already",
    "H_ACKNOWLEDGE": "a hash that is compared, in a body that was opened already",
}
"""Labels under which nothing is made that could lie in the place of something else."""

NO_KIND_OF_ITS_OWN = {
    "cbor.decode": "the encoding beneath several kinds",
    "cbor.read": "the same, for who writes it again and compares",
    "primitives.unseal": "the seal beneath several kinds",
    "primitives.unseal_under": "the same",
    "read_places.read_again": "compares with what open_ opened there, and opens headers alone",
    "guest.read_offer": "decode_offer of what open_at opened",
    "visits.read_answer": "decode_answer of what open_at opened",
    "visits.open_visit": "opens a visit, and reads no bytes",
}
"""Functions named like readers whose bytes are those of a kind with another reader."""


@cache
def contact() -> Contact:
    """One of the contacts of the table."""
    return Contact()


@cache
def everything() -> dict[str, Thing]:
    return things(contact())


def wrongly_accepted(table: dict[str, Thing]) -> list[tuple[str, str]]:
    """Return (what lay there, in whose place) wherever a reader took what is not its own."""
    return [
        (other, name)
        for name, thing in table.items()
        for other, lying in table.items()
        if other != name and is_accepted(thing, lying.data)
    ]


@pytest.mark.parametrize("name", things(Contact()))
def test_each_thing_is_accepted_in_its_own_place(name: str) -> None:
    thing = everything()[name]
    assert is_accepted(thing, thing.data)


def test_h4_every_sealed_thing_is_refused_in_the_place_of_every_other() -> None:
    table = everything()
    assert len(table) > 50
    assert wrongly_accepted(table) == []


def test_h4_what_belongs_nowhere_is_refused_everywhere() -> None:
    table, nowhere = everything(), dict(at_no_place(contact()))
    assert len(nowhere) > 15
    assert [
        (what, name)
        for name, thing in table.items()
        for what, data in nowhere.items()
        if is_accepted(thing, data)
    ] == []


def test_h4_what_is_of_another_version_is_told_as_that_in_its_own_place() -> None:
    table = {thing.kind: thing for thing in (*meeting_things(contact()), *plain_things())}
    told = 0
    for name, data in at_no_place(contact()):
        kind = name.removesuffix(" of version 2")
        if name.endswith(" of version 2") and kind in table and kind != "slip":
            with pytest.raises(TooNew):
                table[kind].accepts(data)
            told += 1
    assert told == 5


def test_h4_pieces_of_a_letter_and_of_its_withdrawn_form_make_no_box() -> None:
    one = Contact()
    (outgoing,) = written(one.host, "letter").outbox
    for box in put_together(outgoing):
        with pytest.raises(Unopenable):
            ratchet.open_(one.guest.ratchet, outgoing.place.id, box, kem=KEM)
    for box in (outgoing.letter, outgoing.withdrawn):
        assert ratchet.open_(one.guest.ratchet, outgoing.place.id, box, kem=KEM)


def test_a_thing_that_is_bound_to_no_place_would_be_found() -> None:
    key = os.urandom(32)

    def unbound(kind: str) -> Thing:
        data = seal(key, kind.encode(), bound_to=b"", nonce=os.urandom(24))
        return Thing(kind, data, lambda data: bool(unseal(key, data, bound_to=b"")))

    planted = {"one": unbound("one"), "other": unbound("other")}
    found = wrongly_accepted(everything() | planted)
    assert sorted(found) == [("one", "other"), ("other", "one")]


def test_every_label_keeps_a_kind_apart_or_says_why_it_need_not() -> None:
    named = {label for thing in everything().values() for label in thing.labels}
    assert not named & KEEPS_NOTHING_APART.keys()
    assert named | KEEPS_NOTHING_APART.keys() == LABELS


def test_every_reader_of_the_code_belongs_to_a_kind_or_says_why_it_need_not() -> None:
    named = {reader for thing in everything().values() for reader in thing.readers}
    assert not named & NO_KIND_OF_ITS_OWN.keys()
    assert named | NO_KIND_OF_ITS_OWN.keys() == set(readers_of_the_code())


def readers_of_the_code() -> list[str]:
    """Every public function that is named like one that reads bytes."""
    return [
        f"{module}.{node.name}"
        for module, path in SOURCES.items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and re.match(r"(decode|open|read|unseal)(_|$)", node.name)
    ]


def test_every_module_that_seals_has_a_kind() -> None:
    named = {reader.split(".")[0] for thing in everything().values() for reader in thing.readers}
    sealing = {module for module, path in SOURCES.items() if seals(path)}
    assert sealing == {"box", "meeting_places", "parcels"}
    assert sealing <= named


def seals(path: Path) -> bool:
    """Say whether a module takes the seal itself, under whatever name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        alias.name == "seal"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "ojak_protocol.primitives"
        for alias in node.names
    ) or any(
        isinstance(node, ast.Attribute) and node.attr == "seal" and path.stem != "conversation"
        for node in ast.walk(tree)
    )
