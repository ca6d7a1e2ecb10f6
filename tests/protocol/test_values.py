"""`values.dataclass` makes what `dataclasses.dataclass` makes, where frozen and slotted."""

import ast
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ojak_protocol
from ojak_protocol import values
from ojak_protocol.hidden import Hidden

Make = Callable[[type], Any]
Class = type[Any]


@pytest.fixture(autouse=True, params=["the first values", "later ones"])
def _which(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "later ones":
        monkeypatch.setattr(values, "_MANY", 0)


def both(make: Callable[[Make], Class]) -> tuple[Class, Class]:
    """Return the class of *make* by the standard one and by ours."""
    return (
        make(dataclasses.dataclass(frozen=True, slots=True)),
        make(values.dataclass(frozen=True, slots=True)),
    )


def plain(made: Make) -> Class:
    @made
    class Plain:
        """A class."""

        a: int
        b: bytes = field(repr=False)
        c: str = "c"
        d: list[int] = field(default_factory=list)
        e: tuple[int, ...] = field(default=(), repr=False)

        def doubled(self) -> int:
            """Return."""
            return 2 * self.a

    return Plain


def checked(made: Make) -> Class:
    @made
    class Checked:
        a: int

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError("negative")

    return Checked


def empty(made: Make) -> Class:
    @made
    class Empty:
        pass

    return Empty


def own_methods(made: Make) -> Class:
    @made
    class OwnMethods:
        a: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, _: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    return OwnMethods


def outcome(call: Callable[[], object]) -> object:
    """Return what *call* gives, or the kind of its error."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - kinds are compared
        return type(error)


numbers = st.integers(min_value=0, max_value=2)
arguments = st.tuples(numbers, st.binary(max_size=1), st.sampled_from(["c", "d"]))


@given(arguments, arguments)
def test_values_are_equal_and_hash_alike_when_those_of_the_standard_one_do(
    one: tuple[int, bytes, str], other: tuple[int, bytes, str]
) -> None:
    answers = []
    for made in both(plain):
        first, second = made(*one, (), ()), made(*other, (), ())
        answers.append(
            (first == second, first != second, first == one, hash(first) == hash(second))
        )
        assert (hash(first) == hash(second)) >= (first == second)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ((1, b""), {}),
        ((1,), {"b": b"", "c": "x"}),
        ((), {"b": b"", "a": 1, "d": [3], "e": (4,)}),
        ((1, b"", "c", [1], (2,)), {}),
        ((), {}),
        ((1,), {}),
        ((1, b"", "c", [1], (2,), 3), {}),
        ((1, b""), {"a": 2}),
        ((1, b""), {"f": 2}),
        ((1,), {"f": 2}),
        ((1,), {"self": 2}),
        ((1,), {"doubled": 2}),
    ],
)
def test_arguments_are_taken_and_refused_as_by_the_standard_one(
    given_: tuple[Any, ...], named: dict[str, Any]
) -> None:
    def fields_of(made: Class) -> dict[str, Any]:
        return dataclasses.asdict(made(*given_, **named))

    standard, ours = (outcome(lambda made=made: fields_of(made)) for made in both(plain))  # type: ignore[misc]  # mypy infers no type of such a lambda
    assert standard == ours


def test_a_value_is_a_frozen_dataclass_with_slots() -> None:
    for made in both(plain):
        value = made(1, b"secret")
        assert not hasattr(value, "__dict__")
        with pytest.raises(FrozenInstanceError):
            value.a = 2
        with pytest.raises(FrozenInstanceError):
            del value.a
        assert value.a == 1
        assert value.doubled() == 2
        assert made.__doc__ == "A class."
        assert vars(made)["__slots__"] == made.__match_args__ == ("a", "b", "c", "d", "e")
        assert dataclasses.is_dataclass(made)


def test_a_value_is_replaced_matched_and_listed_by_its_fields() -> None:
    for made in both(plain):
        value = replace(made(1, b"secret"), c="x")
        match value:
            case made(1, b"secret", c):
                assert c == "x"
            case _:
                pytest.fail("no match")
        assert [one.name for one in dataclasses.fields(value)] == ["a", "b", "c", "d", "e"]


def test_ours_replaces_as_the_standard_one_does() -> None:
    value = plain(values.dataclass(frozen=True, slots=True))(1, b"secret", "x", [2], (3,))
    assert values.replace(value) == replace(value) == value
    assert values.replace(value, c="y", a=2) == replace(value, c="y", a=2) != value
    assert values.replace(value).d is value.d
    with pytest.raises(TypeError):
        values.replace(value, f=1)
    with pytest.raises(ValueError, match="negative"):
        values.replace(checked(values.dataclass(frozen=True, slots=True))(1), a=-1)


def test_a_value_in_which_nothing_is_changed_is_not_made_anew() -> None:
    made = plain(values.dataclass(frozen=True, slots=True))
    value = made(1, b"secret", e=(2, 3))
    assert values.replace(value) is value
    # Equal, and another object.
    assert values.replace(value, a=1, e=tuple([2, 3])) is value  # noqa: C409 - a literal is one object
    assert values.replace(value, e=(2, 4)) is not value
    with pytest.raises(TypeError):
        values.replace(value, a=1, f=1)


def test_each_value_has_a_default_of_its_own_where_a_factory_makes_it() -> None:
    for made in both(plain):
        assert made(1, b"").d is not made(1, b"").d


def test_a_field_that_is_not_to_be_shown_stands_in_no_repr() -> None:
    standard, ours = (repr(made(1, b"secret", e=(1234,))) for made in both(plain))
    assert ours == standard
    assert "secret" not in ours
    assert "1234" not in ours


def test_a_hidden_value_shows_its_type_alone() -> None:
    @values.dataclass(frozen=True, slots=True, repr=False)
    class Key(Hidden):
        secret: bytes

    assert repr(Key(b"secret")) == "<Key>"


def test_what_a_class_checks_or_defines_itself_holds() -> None:
    for made in both(checked):
        assert made(1).a == 1
        with pytest.raises(ValueError, match="negative"):
            made(-1)
        with pytest.raises(ValueError, match="negative"):
            replace(made(1), a=-1)
    for made in both(own_methods):
        assert repr(made(1)) == "own"
        assert made(1) == made(2)
        assert hash(made(1)) == 7


def test_a_class_below_one_of_ours_takes_the_same_arguments() -> None:
    for made in both(plain):
        below = type("Below", (made,), {})
        assert below(1, b"").a == 1
        with pytest.raises(TypeError):
            below(1, f=2)


def test_a_class_without_fields_has_equal_values() -> None:
    for made in both(empty):
        assert made() == made()
        assert hash(made()) == hash(made())
        with pytest.raises(TypeError):
            made(1)


def test_values_of_two_classes_are_never_equal() -> None:
    first, second = (plain(values.dataclass(frozen=True, slots=True)) for _ in range(2))
    assert first(1, b"") != second(1, b"")


def test_no_other_kind_of_class_can_be_made() -> None:
    for frozen, slots in ((False, True), (True, False)):
        with pytest.raises(TypeError):
            values.dataclass(frozen=frozen, slots=slots)


def test_no_signature_is_looked_for_where_a_class_says_nothing_of_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("inspect.signature")

    @values.dataclass(frozen=True, slots=True)
    class Undocumented:
        one: int

    assert Undocumented.__doc__ == "Undocumented"


def test_only_what_many_are_made_of_is_compiled() -> None:
    script = (
        "import builtins, ojak_protocol.values as values\n"
        "seen = []\n"
        "values.exec = lambda *given: (seen.append(given), exec(*given))\n"
        "from ojak_protocol import conversation, meeting_point, sync\n"
        "made = {sync.NoRoom() for _ in range(30)}\n"
        "assert not seen, seen\n"
        "made |= {sync.NoRoom() for _ in range(30)}\n"
        "assert len(seen) == len(made) == 1, seen\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    "source", sorted(Path(ojak_protocol.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_no_class_of_the_protocol_is_made_by_the_standard_one(source: Path) -> None:
    if source.stem == "values":
        return
    names = {
        alias.name
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        for alias in node.names
    }
    assert "dataclass" not in names
