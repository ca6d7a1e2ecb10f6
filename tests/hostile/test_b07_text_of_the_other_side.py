"""B7: nothing that the other side writes reaches a terminal, the clipboard or a path as it is.

Real verbs at a pseudo-terminal; what is looked at is every byte that reached the terminal.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ojak_client.messages import Message
from ojak_client.profile import Contact, QuestionSet, TheirLetter, TheirQuestion
from ojak_protocol.cpace import Share
from ojak_protocol.details import Details, NextQuestions, NextRelay, Question, Stop, StopWhat
from ojak_protocol.letters import Kind, encode_details
from tests.client.devices import ANSWERS, NUMBER, Device, waiting_host
from tests.client.persons import NAME, RELAY, Clock, letter, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.client.sitting import Sitting, sit_down
from tests.people import meet, new_point

PLANTED: Final = "심은말"
ATTACKS: Final = {
    "colour": "\x1b[31m",
    "erase": "\x1b[2J\x1b[3J\x1b[H",
    "cursor": "\x1b[1A\x1b[1;1H",
    "leave the screen": "\x1b[?1049l",
    "answer back": "\x1b[c\x05\x1b[6n",
    "clipboard": "\x1b]52;c;aGFja2Vk\x07",
    "clipboard of eight bits": "\x9d52;c;aGFja2Vk\x9c",
    "title": "\x1b]0;root\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\여기\x1b]8;;\x1b\\",
    "device control": "\x1bP$qm\x1b\\",
    "eight bits": "\x9b31m",
    "overwrite": "가짜\r진짜\b\b",
    "bell, form, tabulator": "\x07\x0b\x0c\x0e\t",
    "nul, delete": "\x00\x7f",
    "turned around": "\u202e거꾸로\u2066안\u2069\u061c\u200f",
    "no width": "감\u200b자\u200c\ufeff\u2060\u00ad\u180e",
    "filler": "\u3164\u115f\u1160\uffa0",
    "line ends": "\u2028\u2029\x85\x1e",
    "tags": "\U000e0041\U000e0042\U000e007f",
    "tower": "e" + "\u0301" * 40,
    "new line": f"\r\n열쇠말: {PLANTED}",
    "path": "../../../../../../tmp/ojak-b7/x",
    "absolute path": "/tmp/ojak-b7",  # noqa: S108 - nothing is to lie there
    "homoglyph": "раypal",  # noqa: RUF001 - that is what it is about
}
ALL: Final = "|".join(ATTACKS.values())
ENTER, LEAVE, CLEAR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[2J\x1b[3J\x1b[H"
OURS: Final = (ENTER + CLEAR + CLEAR, ENTER + CLEAR, CLEAR + LEAVE, "\r\n" + CLEAR, "\r\n")
"""What our own client writes while letters are shown and asked for, and only where it does."""
HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180e")
MOST_MARKS: Final = 4
KINDS: Final = {
    Kind.QUESTION: Question,
    Kind.QUESTIONS: NextQuestions,
    Kind.RELAY: NextRelay,
    Kind.STOP: Stop,
}


def faults(raw: str) -> list[str]:
    """Return what reached the terminal that must not."""
    for sequence in OURS:
        raw = raw.replace(sequence, "")
    found = [
        f"U+{ord(character):04X}"
        for character in raw
        if unicodedata.category(character) in HIDDEN or character in INVISIBLE
    ]
    tower = re.search(f"[\u0300-\u036f]{{{MOST_MARKS + 1}}}", raw)
    return found if tower is None else [*found, "tower"]


@pytest.mark.parametrize("attack", [text for name, text in ATTACKS.items() if "path" not in name])
def test_each_attack_would_be_noticed_if_it_reached_the_terminal(attack: str) -> None:
    """The checker fails on what it is there for; only what looks like any writing passes."""
    innocent = attack in {ATTACKS["homoglyph"], ATTACKS["new line"]}
    assert bool(faults(f"온 편지: {attack}\r\n")) is not innocent
    assert faults("온 편지: ␛[31m 감자\r\n") == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the verbs run; nothing may appear there, nor where the paths of the letters lead."""
    folder = tmp_path / "a" / "b" / "c" / "d"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _no_path_is_made_of_it(home: Path, tmp_path: Path) -> Iterator[None]:
    yield
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} <= {"letters", "letters.boxes", "letters.lock"}
    assert list(home.iterdir()) == []
    assert not Path("/tmp/ojak-b7").exists()  # noqa: S108 - where the letters point to


def of_kind(reference: int, details: Details, text: str = "") -> TheirLetter:
    kind = next(kind for kind, made in KINDS.items() if isinstance(details, made))
    return TheirLetter(reference, kind, text, details=encode_details(details))


def question() -> Question:
    return Question(os.urandom(16), Share(bytes(32)))


def seated(device: Device, *arguments: str, folder: Path) -> Sitting:
    return Sitting(device, arguments, str(folder))


def check(sitting: Sitting) -> None:
    assert faults(sitting.raw) == []
    assert sitting.screen.title == ""


def fields_of(text: str) -> Iterator[str]:
    """The attacks in pieces of at most 200 characters, as a question may have."""
    for start in range(0, len(text), 190):
        yield text[start : start + 190]


def test_b7_letters_of_every_kind_are_shown_escaped_once_and_are_gone(
    device: Device, home: Path
) -> None:
    pieces = [*fields_of(ALL), "", ""]
    first, second, third = (piece or "비었음" for piece in pieces[:3])
    kinds = (
        letter(ALL, reference=1),
        of_kind(2, question(), first),
        of_kind(3, NextQuestions(2, (first, second, third))),
        of_kind(4, NextRelay("https://../../x?$(touch%20x)")),
        of_kind(5, NextRelay("https://xn--80ak.example")),
        of_kind(6, Stop(StopWhat.DO_NOT_CONTACT)),
        TheirLetter(7, Kind.OUTCOME, first, equal=False),
        TheirLetter(8, Kind.TEXT, ALL, forced=True),
    )
    device.keep_contact(Contact(NAME, RELAY, theirs=kinds, lines=(line_of(meet().host),)))
    with sit_down(device, "read", folder=str(home)) as sitting:
        for one in kinds:
            # One letter at a time, each on a screen of its own.
            sitting.until(Message.PRESS_TO_ERASE)
            sitting.type("\r")
            if one.reference == 5:
                sitting.until(Message.USE_RELAY)
                sitting.type("아니요\r")
        assert sitting.end() == 0
    check(sitting)
    assert sitting.raw.count("\x1b[?1049h") == len(kinds)
    assert "␛]52;c;aGFja2Vk␇" in sitting.raw
    assert "<U+202E>거꾸로" in sitting.raw
    # A question stands on one line: nobody writes a prompt of ours below it.
    assert f"␍␊열쇠말: {PLANTED}" in sitting.raw.replace("\r\n", "")
    (contact,) = device.profile.contacts
    assert (contact.theirs, contact.relay) == ((), RELAY)
    assert len(contact.their_questions) == 1
    after = sitting.raw.rpartition("\x1b[?1049l")[2]
    assert PLANTED not in after


@pytest.mark.parametrize("shape", ["--to-stdout", "--json"])
def test_b7_what_is_printed_is_escaped_too(shape: str, device: Device, home: Path) -> None:
    device.keep_contact(Contact(NAME, RELAY, theirs=(letter(ALL),)))
    with sit_down(device, "read", "--to-stdout", shape, folder=str(home)) as sitting:
        assert sitting.end() == 0
    check(sitting)
    assert "aGFja2Vk" in sitting.raw


def test_b7_a_question_is_asked_escaped_and_its_answer_screen_is_erased(
    device: Device, home: Path
) -> None:
    shown = TheirQuestion(next(fields_of(ALL)), question(), at=1 << 40)
    device.keep_contact(Contact(NAME, RELAY, their_questions=(shown,)))
    with sit_down(device, "answer", NAME, folder=str(home)) as sitting:
        sitting.until(Message.ABOUT_ANSWERS)
        sitting.until_text("답: ")
        sitting.type("\x03")
        assert sitting.end() == 130
    check(sitting)
    assert "␛[31m" in sitting.raw


@pytest.mark.parametrize("verb", ["status", "contacts", "recall", "questions"])
def test_b7_names_notes_and_questions_are_shown_escaped(
    verb: str, device: Device, home: Path
) -> None:
    """A name and a note are our person's own, and may be copied from what somebody sent."""
    sets = (QuestionSet(new_point(), (ALL, ALL, ALL)),)
    device.keep_contact(
        Contact(ALL, RELAY, sets=sets, note=ALL, theirs=(letter(ALL),), questions=(ALL,))
    )
    arguments = (verb,) if verb in {"status", "contacts"} else (verb, ALL.replace("\x00", ""))
    with sit_down(device, *arguments, folder=str(home)) as sitting:
        if verb == "questions":
            sitting.type("\x03")
        sitting.end()
    check(sitting)


def test_b7_a_guest_on_a_borrowed_device_sees_letters_and_questions_escaped(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock, home: Path
) -> None:
    host = waiting_host(near_relay, now_clock)
    host.write(ALL)
    asked = [part for piece in list(fields_of(ALL))[:3] for part in ("--question", piece)]
    asked = [part.replace("\x00", "") for part in asked]
    sitting = seated(device, "--relay", url, "meet", NUMBER, *asked, folder=home)
    try:
        for answer in ANSWERS:
            sitting.until_text("답: ")
            sitting.type(answer + "\r")
        sitting.until(Message.ASK_UNDERSTOOD)
        sitting.type("예\r")
        sitting.until(Message.ASK_LETTER)
        sitting.type("\r")
        sitting.until(Message.PRESS_TO_ERASE)
        sitting.type("\r")
        sitting.until(Message.ASK_LETTER)
        sitting.type("\r")
        sitting.until(Message.CLEARED)
        assert sitting.end() == 0
    finally:
        sitting.child.close(force=True)
    check(sitting)
    assert "␛]52;c;aGFja2Vk␇" in sitting.raw
    assert not device.folder.exists()


def test_b7_what_a_person_pasted_as_a_command_is_complained_about_escaped(
    device: Device, home: Path
) -> None:
    pasted = ALL.replace("\x00", "")
    for arguments in ((pasted,), ("read", f"--{pasted}"), ("send", NAME, "--hold", pasted)):
        sitting = seated(device, *arguments, folder=home)
        assert sitting.end() == 2
        check(sitting)
