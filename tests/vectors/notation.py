"""How vectors stand in JSON: bytes as text, changed bytes as what was changed, cases by name."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import shake_256
from pathlib import Path
from typing import Final, TypeAlias

from ojak_protocol import cbor

FOLDER: Final = Path(__file__).parent

NOTATION: Final = (
    "Bytes are parts joined, with a space between: hex; hh*n, the byte hh n times; X(name,n), the "
    "first n bytes of SHAKE256 over the name. In their place may stand {of, at, drop, put}: the "
    "bytes of the same field in the case of that name, with 'drop' bytes from 'at' on replaced by "
    "'put'. Integers may have 64 bits. 'expect' is 'good' or the error of docs/protocol.md, "
    "'Errors'; LocalError is a writer's refusal."
)
"""What the first field of each file says besides its own."""

GOOD: Final = "good"
SHORTEST_RUN: Final = 16
_RUN: Final = re.compile(rb"(.)\1{%d,}" % (SHORTEST_RUN - 1), re.DOTALL)
_PART: Final = re.compile(r"([0-9a-f]{2})\*(\d+)|X\(([^ ,()]+),(\d+)\)|((?:[0-9a-f]{2})+)")


@dataclass(frozen=True)
class Splice:
    """The bytes of another case of the file, with some of them replaced."""

    of: str
    at: int
    drop: int = 0
    put: bytes = b""


def flipped(of: str, data: bytes, at: int) -> Splice:
    """Return *data*, which is that of the case called *of*, with one bit changed."""
    return Splice(of, at, 1, bytes([data[at] ^ 1]))


Made: TypeAlias = "int | str | bytes | Splice | Sequence[Made] | Mapping[str, Made] | None"
"""What a maker puts into a field."""

Fields: TypeAlias = "Mapping[str, Made]"

Json: TypeAlias = "int | str | Sequence[Json] | dict[str, Json] | None"


@dataclass
class Names:
    """Gives bytes by name, and writes bytes so that those names stand in them again."""

    given: dict[bytes, str] = field(default_factory=dict)

    def __call__(self, name: str, size: int = 32) -> bytes:
        value = shake_256(name.encode()).digest(size)
        self.given[value] = f"X({name},{size})"
        return value

    def copy(self) -> "Names":
        """The names so far, for one file: what another file names must not show in it."""
        return Names(dict(self.given))

    def text(self, data: bytes) -> str:
        """Return *data* in the notation."""
        return " ".join(self._parts(data, sorted(self.given, key=lambda value: -len(value))))

    def json(self, made: Made) -> Json:
        """Return *made* as it stands in a file."""
        match made:
            case bytes():
                return self.text(made)
            case Splice(of, at, drop, put):
                return {"of": of, "at": at, "drop": drop, "put": self.text(put)}
            case Mapping():
                return {name: self.json(value) for name, value in made.items()}
            case int() | str() | None:
                return made
            case _:
                return [self.json(value) for value in made]

    def _parts(self, data: bytes, named: list[bytes]) -> Iterable[str]:
        for position, value in enumerate(named):
            before, found, after = data.partition(value)
            if found:
                # What stands before it holds none of the longer names, nor this one.
                yield from self._parts(before, named[position + 1 :])
                yield self.given[value]
                yield from self._parts(after, named[position:])
                return
        at = 0
        for run in _RUN.finditer(data):
            yield from [data[at : run.start()].hex()] if run.start() > at else []
            yield f"{run[1].hex()}*{len(run[0])}"
            at = run.end()
        yield from [data[at:].hex()] if at < len(data) else []


@dataclass(frozen=True)
class File:
    """One file of vectors before it is written."""

    what: str
    names: Names
    cases: list[dict[str, Made]]


def written(made: File) -> str:
    """Return the text of a file, one case under the other."""
    what = json.dumps(f"{made.what} {NOTATION}", ensure_ascii=False)
    cases = [
        json.dumps(made.names.json(case), ensure_ascii=False, indent=2).replace("\n", "\n    ")
        for case in made.cases
    ]
    joined = ",\n    ".join(cases)
    return f'{{\n  "what": {what},\n  "cases": [\n    {joined}\n  ]\n}}\n'


def joined(*parts: Fields) -> dict[str, Made]:
    """Return one case of several groups of fields."""
    return {name: made for part in parts for name, made in part.items()}


def bytes_of(text: str) -> bytes:
    """Return the bytes that *text* writes."""
    joined = b""
    for part in text.split():
        found = _PART.fullmatch(part)
        assert found, part
        run, times, name, size, plain = found.groups()
        if run:
            joined += bytes.fromhex(run) * int(times)
        elif name:
            joined += shake_256(name.encode()).digest(int(size))
        else:
            joined += bytes.fromhex(plain)
    return joined


def shape(value: cbor.Value) -> Made:
    """Return a value of our CBOR as it stands in JSON: bytes behind a name, keys as texts."""
    match value:
        case bytes():
            return {"bytes": value}
        case dict():
            return {str(key): shape(item) for key, item in value.items()}
        case list():
            return [shape(item) for item in value]
        case _:
            return value


@dataclass(frozen=True)
class Case:
    """One vector as it was read."""

    fields: dict[str, Json]
    others: dict[str, dict[str, Json]] = field(repr=False)

    @property
    def name(self) -> str:
        return self.text("name")

    @property
    def expect(self) -> str:
        return self.text("expect")

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def text(self, name: str) -> str:
        value = self.fields[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int:
        value = self.fields[name]
        assert isinstance(value, int)
        return value

    def data(self, name: str) -> bytes:
        return self._resolved(name, self.fields[name])

    def many(self, name: str) -> list[bytes]:
        """The bytes in a list."""
        return [self._resolved(name, value) for value in self.values(name)]

    def values(self, name: str) -> Sequence[Json]:
        value = self.fields[name]
        assert isinstance(value, list)
        return value

    def inner(self, name: str) -> list["Case"]:
        """The objects in a list, each read like a case."""
        return [Case(value, {}) for value in self.values(name) if isinstance(value, dict)]

    def within(self, name: str) -> "Case":
        """The object in a field, read like a case."""
        value = self.fields[name]
        assert isinstance(value, dict)
        return Case(value, {})

    def cbor(self, name: str) -> cbor.Value:
        """The value that `shape` wrote."""
        return _unshaped(self.fields[name])

    def _resolved(self, name: str, value: Json) -> bytes:
        if isinstance(value, str):
            return bytes_of(value)
        match value:
            case {"of": str(of), "at": int(at), "drop": int(drop), "put": str(put)}:
                whole = Case(self.others[of], self.others).data(name)
                assert at + drop <= len(whole)
                return whole[:at] + bytes_of(put) + whole[at + drop :]
        raise AssertionError(name)


def _unshaped(value: Json) -> cbor.Value:
    match value:
        case {"bytes": str(text)}:
            return bytes_of(text)
        case dict():
            return {int(key): _unshaped(item) for key, item in value.items()}
        case str() | int():
            return value
        case None:
            raise AssertionError
        case _:
            return [_unshaped(item) for item in value]


def cases_of(text: str) -> list[Case]:
    """Return the cases of a file of the script."""
    whole = json.loads(text)
    assert list(whole) == ["what", "cases"]
    others = {case["name"]: case for case in whole["cases"]}
    assert len(others) == len(whole["cases"]), "two cases of one name"
    return [Case(case, others) for case in whole["cases"]]


def load(name: str) -> list[Case]:
    """Return the cases of the committed file called *name*."""
    return cases_of((FOLDER / name).read_text(encoding="utf-8"))
