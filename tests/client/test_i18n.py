"""Languages and catalogues: everything a person can see exists in all three languages."""

import ast
import os
import re
import string
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from ojak_client.exit_codes import exit_code
from ojak_client.help_texts import HelpText
from ojak_client.i18n import LANGUAGES, LOCALE_DIR, Text, choose_language, told, use, use_profile
from ojak_client.messages import Message
from tests.client.texts import texts_in

LOCALE = Path(LOCALE_DIR)
CLIENT = LOCALE.parent
ROOT = Path(__file__).parents[2]
TRANSLATED = ("ko", "zh")
Keywords = dict[str, tuple[int | tuple[int, int] | tuple[int, str], ...] | None]
CLICKS_KEYWORDS: Keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
NAMED = {
    f"{table.__name__}.{name}": text
    for table in (Message, HelpText)
    for name, text in texts_in(table).items()
}
EVERY_TEXT = list(NAMED.values())

# Sentences that docs/glossary.md fixes for what no command does yet.
NOT_SAID_YET = {"unconfirmed", "tries", "read-once", "money"}

# What click says to the programmer, or about features that `ojak` does not use.
NEVER_SAID = re.compile(
    r"defined twice|No options defined|Could not determine name|exactly one parameter declaration"
    r"|cannot use the same flag|must be an iterable|Unknown color|Unknown standard stream|Bash"
    r"|Windows error|Editing failed|UUID|DeprecationWarning|entered values do not match"
    r"|invalid input|Press any key|Repeat for confirmation|want to continue|Confirm the action"
    r"|Choice\(|does not match the format|Invalid start character|^d$"
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "en")
    yield
    use("en")


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "ojak.po").open("rb") as source:
        return read_po(source, locale=language)


def variables(template: str) -> set[str]:
    """Return the variables that whoever says *template* gives: all but how Ojak is called."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name} - {"ojak"}


def extracted(folder: Path, keywords: Keywords) -> set[tuple[str, str]]:
    found = extract_from_dir(folder, [("**.py", "python")], keywords=keywords)
    return {
        (context or "", message if isinstance(message, str) else message[0])
        for _, _, message, _, context in found
    }


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_client_is_translated(language: str) -> None:
    there = {(m.context, m.id) for m in catalogue(language) if m.string and not m.fuzzy}
    missing = [t.id for t in EVERY_TEXT if (t.id, t.english) not in there]
    assert missing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_that_click_says_is_translated(language: str) -> None:
    said = {
        message
        for _, message in extracted(Path(click.__file__).parent, CLICKS_KEYWORDS)
        if not NEVER_SAID.search(message)
    }
    there = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue(language) if m.string}
    assert said - there == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_catalogue_keeps_a_text_that_nobody_says(language: str) -> None:
    ours = {(t.id, t.english) for t in EVERY_TEXT}
    clicks = {message for _, message in extracted(Path(click.__file__).parent, CLICKS_KEYWORDS)}
    for message in catalogue(language):
        if message.id and message.context:
            assert (message.context, message.id) in ours
        elif message.id:
            assert (message.id if isinstance(message.id, str) else message.id[0]) in clicks


def test_extraction_finds_exactly_the_texts_that_exist() -> None:
    found = extracted(CLIENT, {"text": ((1, "c"), 2)})
    assert found == {(t.id, t.english) for t in EVERY_TEXT}


def test_every_text_is_said_somewhere() -> None:
    # The table of exit codes says nothing by itself.
    sources = [path for path in CLIENT.rglob("*.py") if path.name != "exit_codes.py"]
    code = "\n".join(path.read_text("utf-8") for path in sources)
    said = set(re.findall(r"\b(?:Message|HelpText)\.[A-Z0-9_]+\b", code))
    silent = {text.id for name, text in NAMED.items() if name not in said}
    assert silent == NOT_SAID_YET


def untold(source: str) -> set[str]:
    """Return the texts that *source* names in a call that does not give all their variables."""
    found = set()
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        given = {keyword.arg for keyword in call.keywords}
        if ast.unparse(call.func) == "Failure":
            # What to type next stands in a sentence of its own.
            given.discard("command")
        if ast.unparse(call.func) == "ask_answer":
            given.add("question")
        for name in map(ast.unparse, call.args):
            if name in NAMED and None not in given and not variables(NAMED[name].english) <= given:
                found.add(name)
    return found


def test_whoever_says_a_sentence_gives_all_its_variables() -> None:
    assert not {
        (path.name, name)
        for path in CLIENT.rglob("*.py")
        for name in untold(path.read_text("utf-8"))
    }


def test_a_sentence_without_its_variables_is_found() -> None:
    assert untold("raise Failure(Message.VAULT_MOVED, command=x)") == {"Message.VAULT_MOVED"}
    assert untold("output.say(Message.VAULT_MOVED)") == {"Message.VAULT_MOVED"}
    assert not untold("output.say(Message.VAULT_MOVED, command=x)")
    assert not untold("output.say(Message.VAULT_MOVED, **values)")


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_variables_of_its_source(language: str) -> None:
    use(language)
    for text in EVERY_TEXT:
        names = variables(text.english)
        sentence = told(text, **{name: f"<{name}>" for name in names})
        assert all(f"<{name}>" in sentence for name in names), text
        assert "{" not in sentence, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_that_says_what_to_type_names_the_profile_that_was_typed(language: str) -> None:
    asking = [text for text in EVERY_TEXT if "{ojak}" in text.english]
    use(language)
    use_profile("/a b/mina")
    sentences = [shown_in(language, text) for text in asking]
    use_profile(None)
    assert asking
    assert all("ojak --profile '/a b/mina' " in sentence for sentence in sentences)
    assert all(" --profile" not in shown_in(language, text) for text in asking)


def test_every_sentence_that_says_what_to_type_can_name_the_profile() -> None:
    # Help is shown before anything is looked at in a profile.
    fixed = re.compile(r"\bojak [a-z]")
    assert not [text for text in texts_in(Message).values() if fixed.search(text.english)]
    for path in CLIENT.rglob("*.py"):
        assert 'command="ojak' not in path.read_text("utf-8"), path


def test_ids_are_unique_and_stable_in_form() -> None:
    ids = [t.id for t in EVERY_TEXT]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+\??", identifier) for identifier in ids)


@pytest.mark.parametrize("language", TRANSLATED)
def test_compiled_catalogue_is_the_one_of_its_source(language: str) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalogue(language))
    compiled = LOCALE / language / "LC_MESSAGES" / "ojak.mo"
    assert compiled.read_bytes() == fresh.getvalue(), "stale: run python hatch_build.py"


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table of docs/glossary.md that begins with *heading*."""
    after = (ROOT / "docs" / "glossary.md").read_text("utf-8").partition(f"\n| {heading} |")[2]
    rows = after.partition("\n\n")[0].splitlines()[2:]
    assert rows, heading
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def shown_in(language: str, text: Text) -> str:
    use(language)
    return told(text, **{name: f"{{{name}}}" for name in variables(text.english)})


@pytest.mark.parametrize("row", table("Id (exit)"), ids=lambda row: row[0])
def test_the_glossary_shows_the_sentences_of_the_program(row: list[str]) -> None:
    found = re.fullmatch(r"(\S+?)(?: \((\d+)\))?", row[0])
    assert found is not None
    message = next(m for m in EVERY_TEXT if m.id == found[1])
    assert [shown_in(language, message) for language in LANGUAGES] == row[1:]
    if found[2] is not None:
        assert exit_code(message) == int(found[2])


AVOIDED = [word for row in table("Use") for word in re.split("[,、] *", row[3])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_uses_a_word_to_be_avoided(language: str) -> None:
    assert len(AVOIDED) > 10
    for text in EVERY_TEXT:
        sentence = shown_in(language, text)
        assert not [word for word in AVOIDED if word in sentence], text


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "ko"),
        ([], {"LANG": ""}, "ko"),
        ([], {"LANG": "C"}, "ko"),
        ([], {"LANG": "de_DE.UTF-8"}, "ko"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "en_US.UTF-8"}, "en"),
        ([], {"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh"),
        ([], {"LANG": "zh_CN", "LC_MESSAGES": "zh_CN", "LC_ALL": "en_GB"}, "en"),
        ([], {"LANG": "zh_CN", "LC_ALL": "C"}, "ko"),
        ([], {"OJAK_LANG": "en", "LC_ALL": "zh_CN"}, "en"),
        (["--lang", "zh"], {"OJAK_LANG": "en"}, "zh"),
        (["send", "--lang=zh"], {"OJAK_LANG": "en"}, "zh"),
        (["--lang", "xx"], {"OJAK_LANG": "en"}, "en"),
        (["--lang"], {}, "ko"),
        (["send", "--", "--lang", "zh"], {}, "ko"),
    ],
)
def test_the_language_is_chosen_by_option_then_variable_then_locale_else_korean(
    arguments: list[str], environment: dict[str, str], language: str
) -> None:
    assert choose_language(arguments, environment) == language


def test_a_sentence_can_be_told_in_each_language() -> None:
    sentences = []
    for language in LANGUAGES:
        use(language)
        sentences.append(told(Message.TRIES, n=3))
    assert sentences == [
        "맞지 않은 시도가 있었습니다. 열린 편지는 없습니다. 가족이 한 것인지 알아보십시오. 횟수: “3”",  # noqa: E501 - wide, one sentence
        "有过不对的尝试。没有信被打开。请问清是不是家人。次数：“3”",  # noqa: RUF001 - Chinese
        'There were failed tries. No letter was opened. Find out whether it was family. Count: "3"',
    ]


def test_a_foreign_word_in_a_sentence_cannot_control_the_terminal() -> None:
    use("en")
    assert told(Message.NEW_LETTER, name="\x1b]52;c;aGk=\x07\u202e") == (
        'A letter came. From: "␛]52;c;aGk=␇<U+202E>"'
    )


def test_click_follows_the_language() -> None:
    use("ko")
    assert os.environ["LANGUAGE"] == "ko"
    assert str(click.MissingParameter(param_type="option", param_hint="'-x'").format_message()) == (
        "빠진 선택이 있습니다: '-x'."
    )
