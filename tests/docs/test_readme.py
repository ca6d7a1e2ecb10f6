"""The session in README.md is what the program says, word for word."""

import re

import pytest
from babel.messages.pofile import read_po

from ojak_client.messages import Message
from tests.client.texts import texts_in
from tests.docs.kit import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSION = README.partition("## How it looks")[2].partition("\n## ")[0]
CATALOGUE = ROOT / "client" / "ojak_client" / "locale" / "ko" / "LC_MESSAGES" / "ojak.po"
LETTER = ("엄마, 나 미나예요. 잘 있어요.", "아프지 마세요.")
"""What the two wrote themselves."""


def spoken() -> list[str]:
    """Return the lines that the program wrote; what stands behind a prompt was typed."""
    lines = [line.strip() for line in SESSION.splitlines() if line.startswith("    ")]
    said = [line for line in lines if not line.startswith("$") and line not in LETTER]
    return sorted({re.sub(r"^((?:답|물음)(?: \d)?:)(?! “).*", r"\1", line) for line in said})


def sentences() -> list[re.Pattern[str]]:
    with CATALOGUE.open("rb") as texts:
        catalogue = read_po(texts)
    known = {str(message.context): str(message.string) for message in catalogue if message.context}
    texts_of_screens = [known[message.id].strip() for message in texts_in(Message).values()]
    # A prompt of two lines stands on two lines.
    lines = [line for text in texts_of_screens for line in text.splitlines()]
    return [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(line))) for line in lines]


@pytest.mark.parametrize("line", spoken())
def test_each_line_of_the_session_is_a_sentence_of_the_program(line: str) -> None:
    bare = line.removesuffix(" (예/아니요)")
    assert any(sentence.fullmatch(bare) for sentence in sentences())


def test_the_session_is_there() -> None:
    assert len(spoken()) > 20


def test_the_two_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert f"\n{target}: " in makefile
