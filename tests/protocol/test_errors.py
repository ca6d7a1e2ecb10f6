"""The errors: each is ours or the other side's, says why, and quotes nothing."""

import ast
from pathlib import Path

import pytest

from ojak_protocol import errors
from ojak_protocol.errors import LocalError, ProtocolError, Reason, Refused, RemoteError

SOURCES = sorted(Path(errors.__file__).parent.glob("*.py"))
ERRORS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, Exception)
]


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_says_why_to_the_program_and_to_who_reads_its_message(reason: Reason) -> None:
    with pytest.raises(LocalError) as refused:
        raise Refused(reason)
    assert isinstance(refused.value, Refused)
    assert refused.value.reason is reason
    assert str(refused.value) == reason.value


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_our_mistake_or_the_other_sides_and_not_both(
    error: type[Exception],
) -> None:
    assert issubclass(error, ProtocolError)
    ours, theirs = issubclass(error, LocalError), issubclass(error, RemoteError)
    assert (ours != theirs) == (error is not ProtocolError)


def raised(source: Path) -> list[ast.Call]:
    """What a module raises."""
    return [
        node.exc
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    ]


def test_the_roots_are_never_raised_themselves() -> None:
    names = {ast.unparse(error.func) for source in SOURCES for error in raised(source)}
    assert "Malformed" in names
    assert not names & {"ProtocolError", "RemoteError", "Exception"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_every_message_stands_in_the_source_so_that_none_quotes_what_came(source: Path) -> None:
    for error in raised(source):
        (said,) = error.args
        assert isinstance(said, ast.Constant) or ast.unparse(said) in {
            # A member of `Reason`; the words of another of our own errors; in `cbor` one of the
            # sentences of its own two functions.
            *(f"Reason.{reason.name}" for reason in Reason),
            "str(outside_limits)",
            "problem",
            "reason",
        }, f"line {error.lineno}"
