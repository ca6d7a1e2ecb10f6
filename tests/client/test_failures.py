"""Every error that can reach a person has a sentence of its own."""

from collections.abc import Iterator

import pytest

from ojak_client import errors as client
from ojak_client import failures
from ojak_client.failures import Failure, explain
from ojak_client.i18n import told
from ojak_client.messages import Message
from ojak_protocol import errors as protocol


def leaves(root: type[Exception]) -> Iterator[type[Exception]]:
    """Yield the classes below *root* that are raised themselves."""
    if root.__subclasses__() == [] or root is client.VaultFull:
        yield root
    for below in root.__subclasses__():
        yield from leaves(below)


RAISED = [
    error
    for root in (client.ClientError, protocol.ProtocolError)
    for error in leaves(root)
    if error not in {Failure, client.RelayRefused, protocol.Refused}
    and error.__module__ in {client.__name__, protocol.__name__}
]


@pytest.mark.parametrize("error", RAISED)
def test_every_error_is_told_in_a_sentence(error: type[Exception]) -> None:
    explained = explain(error())
    assert explained.message is not Message.FAULT
    assert told(explained.message, **explained.values)


@pytest.mark.parametrize("reason", protocol.Reason)
def test_every_reason_to_refuse_what_was_typed_has_a_sentence(reason: protocol.Reason) -> None:
    assert explain(protocol.Refused(reason)).message is not Message.FAULT


def test_a_relay_that_refuses_is_told_without_its_status() -> None:
    explained = explain(client.RelayRefused(503))
    assert (explained.message, explained.values) == (Message.REFUSED, {})


def test_a_failure_explains_itself() -> None:
    failure = Failure(Message.NOTHING)
    assert explain(failure) is failure


@pytest.mark.parametrize("error", [ValueError("x"), protocol.LocalError("x"), OSError()])
def test_what_only_a_bug_can_raise_is_a_fault(error: Exception) -> None:
    assert explain(error).message is Message.FAULT


def test_no_sentence_is_mapped_from_a_class_that_is_never_raised() -> None:
    assert set(failures._SENTENCES) - {*RAISED, client.RelayRefused} == set()  # noqa: SLF001 - the table is what is tested
