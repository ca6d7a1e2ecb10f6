"""Where secrets and texts come from when nobody is asked."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from ojak_client.failures import Failure
from ojak_client.i18n import Text
from ojak_client.inputs import LETTER_LIMIT_BYTES, SECRET_LIMIT_BYTES, Inputs, Secret
from ojak_client.messages import Message
from ojak_protocol.errors import Reason, Refused

PROMPTS = ("1", "2", "3")
Pipe = Callable[[bytes], int]


def as_typed(answer: str) -> str:
    return answer


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a descriptor from which the given bytes can be read."""
    opened: list[int] = []

    def holding(content: bytes) -> int:
        reader, writer = os.pipe()
        opened.append(reader)
        os.write(writer, content)
        os.close(writer)
        return reader

    yield holding
    for descriptor in opened:
        os.close(descriptor)


def message_of(call: Callable[[], object]) -> Text:
    with pytest.raises(Failure) as caught:
        call()
    return caught.value.message


def test_three_answers_come_from_a_descriptor(pipe: Pipe) -> None:
    answers = Inputs().answers(PROMPTS, pipe("순이\n감자밭\r\n1974".encode()), as_typed)
    assert [answer.text() for answer in answers] == ["순이", "감자밭", "1974"]


@pytest.mark.parametrize("content", [b"", b"a\nb\n", b"a\nb\nc\nd\n"])
def test_any_other_number_of_answers_is_refused(pipe: Pipe, content: bytes) -> None:
    assert message_of(lambda: Inputs().answers(PROMPTS, pipe(content), as_typed)) is (
        Message.THREE_LINES
    )


@pytest.mark.parametrize("content", [b"\xff\nb\nc\n", b"\xed\xa0\x80\nb\nc\n", b"\xc0\x80\nb\nc"])
def test_answers_that_are_not_strict_utf8_are_refused_without_quoting_them(
    pipe: Pipe, content: bytes
) -> None:
    with pytest.raises(Failure) as caught:
        Inputs().answers(PROMPTS, pipe(content), as_typed)
    assert caught.value.message is Message.NOT_UTF8
    assert caught.value.values == {}
    assert caught.value.__suppress_context__


def test_an_answer_that_the_form_refuses_is_refused(pipe: Pipe) -> None:
    def refuse(answer: str) -> str:
        raise Refused(Reason.EMPTY if not answer else Reason.UNFINISHED_SYLLABLE)

    with pytest.raises(Refused):
        Inputs().answers(PROMPTS, pipe(b"a\nb\nc\n"), refuse)


def test_the_passphrase_is_the_first_line_of_its_descriptor(pipe: Pipe) -> None:
    with Inputs(passphrase_fd=pipe("열쇠 말\nmore".encode())).passphrase() as passphrase:
        assert passphrase.text() == "열쇠 말"
    assert passphrase.data == b""


def test_an_empty_passphrase_is_refused(pipe: Pipe) -> None:
    assert message_of(Inputs(passphrase_fd=pipe(b"\n")).passphrase) is Message.PASSPHRASE_EMPTY
    assert message_of(Inputs(passphrase_fd=pipe(b"")).new_passphrase) is Message.PASSPHRASE_EMPTY


def test_more_than_a_secret_may_hold_is_refused(pipe: Pipe) -> None:
    content = b"x" * (SECRET_LIMIT_BYTES + 1)
    assert message_of(Inputs(passphrase_fd=pipe(content)).passphrase) is Message.TOO_BIG


def test_a_descriptor_that_is_not_open_is_named_by_its_option() -> None:
    with pytest.raises(Failure) as caught:
        Inputs(passphrase_fd=987).passphrase()
    assert caught.value.message is Message.BAD_DESCRIPTOR
    assert caught.value.values == {"option": "--passphrase-fd"}


def test_one_descriptor_cannot_give_answers_and_passphrase(pipe: Pipe) -> None:
    descriptor = pipe(b"a\nb\nc\n")
    inputs = Inputs(passphrase_fd=descriptor)
    assert message_of(lambda: inputs.answers(PROMPTS, descriptor, as_typed)) is Message.ONE_SOURCE
    assert message_of(lambda: Inputs(passphrase_fd=0).letter(dash=True)) is Message.ONE_SOURCE
    assert message_of(lambda: Inputs().letter(taken_fds=[None, 0], dash=True)) is Message.ONE_SOURCE


@pytest.mark.parametrize(
    ("ask", "option"),
    [
        (lambda inputs: inputs.confirm(Message.ASK_WIPE), "--yes"),
        (lambda inputs: inputs.line(Message.ASK_NAME, option="NAME"), "NAME"),
        (lambda inputs: inputs.passphrase(), "--passphrase-fd"),
        (lambda inputs: inputs.new_passphrase(), "--passphrase-fd"),
        (lambda inputs: inputs.answers(PROMPTS, None, as_typed), "--answers-fd"),
    ],
    ids=["confirm", "line", "passphrase", "new passphrase", "answers"],
)
def test_without_input_a_missing_value_names_the_option_that_gives_it(
    ask: Callable[[Inputs], object], option: str
) -> None:
    with pytest.raises(Failure) as caught:
        ask(Inputs(no_input=True))
    assert caught.value.message is Message.NEEDS_OPTION
    assert caught.value.values == {"option": option}


def test_yes_answers_every_question_of_yes_or_no() -> None:
    assert Inputs(no_input=True, assume_yes=True).confirm(Message.ASK_WIPE)


LETTER_PROGRAM = """
from ojak_client.failures import Failure
from ojak_client.inputs import Inputs
try:
    print(ascii(Inputs(no_input=True).letter()))
except Failure as failure:
    print(failure.message.id)
"""


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b"", "empty-letter"),
        (b" \n\n", "empty-letter"),
        (b"\xff", "not-utf8"),
        (b"x" * (LETTER_LIMIT_BYTES + 1), "too-big"),
        ("딸에게\n\n보고 싶다\n".encode(), ascii("딸에게\n\n보고 싶다")),
    ],
    ids=["nothing", "blank", "not utf-8", "too big", "a letter"],
)
def test_a_letter_comes_from_standard_input_where_that_is_no_terminal(
    content: bytes, outcome: str
) -> None:
    command = [sys.executable, "-c", LETTER_PROGRAM]
    run = subprocess.run(command, input=content, capture_output=True, check=True)
    assert run.stdout.decode().strip() == outcome


def test_a_secret_is_overwritten_in_place_and_its_repr_shows_nothing() -> None:
    data = bytearray("순이".encode())
    with Secret(data) as secret:
        assert "순이" not in repr(secret)
        # What still looks at the same memory sees it overwritten; it also forbids shrinking.
        view = memoryview(data)
        with pytest.raises(BufferError):
            secret.wipe()
        assert bytes(view) == bytes(6)
        view.release()
    assert data == b""
