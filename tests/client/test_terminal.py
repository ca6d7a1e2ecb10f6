"""Prompts and letters on a real pseudo-terminal, watched by a terminal emulator."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

import pexpect
import pyte
import pytest

from ojak_client.terminal import can_erase, pages

TIMEOUT_SECONDS = 20
COLUMNS, LINES = 60, 12

PRELUDE = """
import sys
from ojak_client import i18n, terminal
from ojak_client.failures import Failure
from ojak_client.inputs import Inputs
from ojak_client.messages import Message
i18n.use("en")
inputs = Inputs()
def done(value):
    print("<<" + ascii(value) + ">>", flush=True)
"""

ANSWERS = "done([a.text() for a in inputs.answers(['Q1? ', 'Q2? ', 'Q3? '], None, str.strip)])"
SHOW = "print('before', flush=True); inputs.show_once(sys.argv[1]); done('shown')"

Run = Callable[..., "Session"]


class Session:
    """A program on a pseudo-terminal and what its screen shows."""

    def __init__(self, program: str, *arguments: str, term: str) -> None:
        self.raw = ""
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self.screen)
        environment = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", PRELUDE + program, *arguments],
            env=environment,
            encoding="utf-8",
            dimensions=(LINES, COLUMNS),
            timeout=TIMEOUT_SECONDS,
            echo=True,
        )

    def expect(self, pattern: str) -> None:
        """Read until *pattern* appears."""
        self.child.expect(pattern)
        self._seen(self.child.before + self.child.after)

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def end(self) -> int:
        """Read to the end and return the exit status."""
        self.child.expect(pexpect.EOF)
        self._seen(self.child.before)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)

    def shown(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def _seen(self, text: str) -> None:
        self.raw += text
        self._stream.feed(text)


@pytest.fixture
def run() -> Iterator[Run]:
    sessions: list[Session] = []

    def start(program: str, *arguments: str, term: str = "xterm") -> Session:
        sessions.append(Session(program, *arguments, term=term))
        return sessions[-1]

    yield start
    for session in sessions:
        session.child.close(force=True)


def left_alternate_screen(raw: str) -> bool:
    """Return whether the screen was entered once, and erased as the last thing before leaving."""
    enter, leave = "\x1b[?1049h", "\x1b[?1049l"
    private = raw.partition(enter)[2].partition(leave)[0]
    return raw.count(enter) == raw.count(leave) == 1 and private.endswith("\x1b[2J\x1b[3J\x1b[H")


def test_a_line_typed_in_korean_is_read_whole(run: Run) -> None:
    session = run("done(inputs.line(Message.ASK_NAME, option='NAME'))")
    session.expect(r"person\? ")
    session.type("순이 언니\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert ascii("순이 언니") in session.raw
    assert "What do you call this person? 순이 언니" in session.shown().replace("  ", "")


def test_backspace_deletes_a_whole_korean_syllable_and_both_its_columns(run: Run) -> None:
    session = run("done(inputs.line(Message.ASK_NAME, option='NAME'))")
    session.expect(r"person\? ")
    session.type("감자밭\x7f\x7f\x7f물a\x7f\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert f"<<{'물'!a}>>" in session.raw
    first_line = session.shown().split("\n")[0]
    assert first_line == "What do you call this person? 물"


def test_a_passphrase_is_not_shown_and_backspace_deletes_a_whole_syllable(run: Run) -> None:
    session = run("done(inputs.passphrase().text())")
    session.expect("Passphrase: ")
    session.type("열쇠\x7f쇠말\r")
    session.expect("<<(.*)>>")
    before_result = session.raw.partition("<<")[0]
    assert session.end() == 0
    assert f"<<{'열쇠말'!a}>>" in session.raw
    assert not set("열쇠말") & set(before_result)


def test_a_new_passphrase_is_asked_again_until_both_are_alike(run: Run) -> None:
    session = run("done(inputs.new_passphrase().text())")
    for first, second in (("하나", "둘"), ("", ""), ("셋", "셋")):
        session.expect("New passphrase: ")
        session.type(first + "\r")
        session.expect("once more: ")
        session.type(second + "\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert "The two differ" in session.raw
    assert "is empty" in session.raw
    assert ascii("셋") in session.raw


def test_answers_are_typed_on_the_alternate_screen_and_leave_nothing_on_it(run: Run) -> None:
    session = run("print('before', flush=True);" + ANSWERS)
    for question, answer in (("Q1", "순이"), ("Q2", "감자밭"), ("Q3", "1974")):
        session.expect(rf"{question}\? ")
        session.type(answer + "\r")
    session.expect("right\\? ")
    assert "순이" in session.raw
    session.type("yes\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert left_alternate_screen(session.raw)
    result = session.raw.rpartition("\x1b[?1049l")[2]
    assert f"<<{['순이', '감자밭', '1974']!a}>>" in result


def test_answers_that_were_misunderstood_are_asked_again(run: Run) -> None:
    session = run(ANSWERS)
    for round_, confirmed in (("틀림", "ㅜ"), ("맞음", "ㅛ")):
        for question in ("Q1", "Q2", "Q3"):
            session.expect(rf"{question}\? ")
            session.type(round_ + "\r")
        session.expect("right\\? ")
        session.type(confirmed + "\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert f"<<{['맞음'] * 3!a}>>" in session.raw


def test_answers_of_which_two_are_the_same_are_asked_again_with_the_reason(run: Run) -> None:
    session = run(
        "from ojak_protocol.answers import answers_of;"
        + ANSWERS.replace("str.strip", "str.strip, fit_together=lambda typed: answers_of(*typed)")
    )
    for second, follows in (("외가리 도둑", "Two answers are the same"), ("도시락통", "right\\? ")):
        for question, answer in (("Q1", "왜가리 도둑"), ("Q2", second), ("Q3", "량반")):
            session.expect(rf"{question}\? ")
            session.type(answer + "\r")
        session.expect(follows)
    session.type("yes\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert f"<<{['왜가리 도둑', '도시락통', '량반']!a}>>" in session.raw


def test_answers_stay_hidden_on_a_terminal_that_cannot_erase(run: Run) -> None:
    session = run(ANSWERS, term="dumb")
    for question in ("Q1", "Q2", "Q3"):
        session.expect(rf"{question}\? ")
        session.type("감자밭\r")
    session.expect("right\\? ")
    session.type("y\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert "감자밭" not in session.raw
    assert "\x1b" not in session.raw


def test_a_letter_is_shown_once_and_erased(run: Run) -> None:
    session = run(SHOW, "보고 싶다\n\x1b]52;c;aGk=\x07")
    session.expect("Press Enter to erase it.")
    assert "보고 싶다" in session.raw
    assert "\x1b]52" not in session.raw
    session.type("\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert left_alternate_screen(session.raw)


def test_keys_typed_before_a_letter_appears_do_not_close_it(run: Run) -> None:
    waiting = "import select; print('ready', flush=True); select.select([0], [], [])\n"
    session = run(waiting + SHOW, "편지")
    session.expect("ready")
    session.type("\r\r\r")
    session.expect("Press Enter to erase it.")
    session.type("\x03")
    assert session.end() != 0
    assert "<<" not in session.raw


def test_a_long_letter_is_shown_in_pages_and_nothing_scrolls_away(run: Run) -> None:
    session = run(SHOW, "\n".join(f"[{n}]" for n in range(20)))
    session.expect("There is more. Press Enter.")
    session.type("\r")
    session.expect("There is more. Press Enter.")
    session.type("\r")
    session.expect("Press Enter to erase it.")
    session.type("\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert all(f"[{n}]" in session.raw for n in range(20))


@pytest.mark.parametrize("ending", ["\x03", "signal"])
def test_an_interrupted_reader_leaves_a_clean_screen(run: Run, ending: str) -> None:
    program = (
        "import signal, ojak_client.__main__ as m; signal.signal(signal.SIGTERM, m._interrupt)\n"
    )
    session = run(program + SHOW, "비밀 편지")
    session.expect("Press Enter to erase it.")
    if ending == "signal":
        os.kill(session.child.pid, signal.SIGTERM)
    else:
        session.type(ending)
    assert session.end() != 0
    assert left_alternate_screen(session.raw)


def test_a_fault_while_answers_are_typed_leaves_a_clean_screen(run: Run) -> None:
    session = run("inputs.answers(['Q1? '], None, lambda a: 1 // 0)")
    session.expect(r"Q1\? ")
    session.type("순이\r")
    assert session.end() == 1
    assert left_alternate_screen(session.raw)
    assert "순이" not in session.raw.rpartition("\x1b[?1049l")[2]


def test_stopping_and_quitting_keys_do_nothing_while_a_letter_is_shown(run: Run) -> None:
    session = run(SHOW, "편지")
    session.expect("Press Enter to erase it.")
    session.type("\x1a\x1c\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0


def test_the_settings_of_the_terminal_are_put_back_when_the_program_ends(run: Run) -> None:
    session = run(
        "import atexit, termios\n"
        "before = termios.tcgetattr(0)\n"
        "atexit.register(lambda: done(termios.tcgetattr(0) == before))\n"
        "inputs.line(Message.ASK_NAME, option='NAME')"
    )
    session.expect(r"person\? ")
    session.type("a\r")
    session.expect("<<True>>")
    assert session.end() == 0


WORKING = (
    "import atexit, select\n"
    "left = lambda wait: select.select([0], [], [], wait)[0]\n"
    "atexit.register(lambda: done(left(0)))\n"
    "inputs.line(Message.ASK_NAME, option='NAME')\n"
    "print('working', flush=True)\n"
    "left(None)\n"
)


def test_an_answer_typed_before_it_is_asked_for_does_not_show(run: Run) -> None:
    session = run(WORKING + "done(inputs.passphrase().text())")
    session.expect(r"person\? ")
    session.type("a\r")
    session.expect("working")
    session.type("감자밭\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert ascii("감자밭") in session.raw
    assert not set("감자밭") & set(session.raw)


def test_an_answer_that_nobody_asked_for_neither_shows_nor_reaches_the_shell(run: Run) -> None:
    session = run(WORKING)
    session.expect(r"person\? ")
    session.type("a\r")
    session.expect("working")
    session.type("감자밭\r")
    session.expect(r"<<\[\]>>")
    assert session.end() == 0
    assert not set("감자밭") & set(session.raw)


def test_a_prompt_nobody_answers_ends_with_one_sentence(run: Run) -> None:
    session = run(
        "try:\n"
        "    with terminal.open_terminal(idle_seconds=0.05) as t, t.private():\n"
        "        t.ask('Q? ')\n"
        "except Failure as failure:\n"
        "    done(failure.message.id)"
    )
    session.expect("<<'idle'>>")
    assert session.end() == 0
    assert left_alternate_screen(session.raw)


def test_a_line_longer_than_the_limit_is_refused_not_cut(run: Run) -> None:
    session = run(
        "try:\n"
        "    inputs.line(Message.ASK_NAME, option='NAME')\n"
        "except Failure as failure:\n"
        "    done(failure.message.id)"
    )
    session.expect(r"person\? ")
    for _ in range(5):
        session.type("x" * 1000)
        session.expect("x" * 50)
    session.type("\r")
    session.expect("<<'too-big'>>")
    assert session.end() == 0


def test_a_letter_is_typed_line_by_line_until_an_empty_one(run: Run) -> None:
    session = run("done(inputs.letter())")
    session.expect("empty line.")
    session.type("딸에게\r보고 싶다\r\r")
    session.expect("<<(.*)>>")
    assert session.end() == 0
    assert ascii("딸에게\n보고 싶다") in session.raw
    assert left_alternate_screen(session.raw)


def test_output_to_a_pipe_demands_to_stdout_before_anything_is_shown(run: Run) -> None:
    session = run(
        "import io; sys.stdout, real = io.StringIO(), sys.stdout\n"
        "try:\n"
        "    inputs.show_once('편지')\n"
        "except Failure as failure:\n"
        "    sys.stdout = real; done((failure.message.id, failure.values))"
    )
    session.expect("needs-to-stdout")
    assert session.end() == 0
    assert "편지" not in session.raw


def test_a_dumb_terminal_demands_to_stdout(run: Run) -> None:
    session = run("inputs.show_once('편지')", term="dumb")
    assert session.end() == 1
    assert "needs-to-stdout" in session.raw


def test_a_terminal_without_a_name_cannot_erase() -> None:
    assert not can_erase({})
    assert not can_erase({"TERM": ""})
    assert not can_erase({"TERM": "dumb"})
    assert can_erase({"TERM": "xterm-256color"})


def test_pages_break_lines_by_columns_and_not_by_characters() -> None:
    size = os.terminal_size((5, 5))
    assert pages("가나다라", size) == ["가나\n다라"]
    assert pages("abcdefg\nh", size) == ["abcde\nfg", "h"]
    assert pages("", size) == [""]


def test_what_a_person_should_know_first_stands_on_the_screen_where_it_is_typed(run: Run) -> None:
    """Said before, it would vanish with the change of screens and come back when all is over."""
    for program, said, typed in (
        (
            (
                "done([a.text() for a in inputs.answers(['Q1? '], None, str.strip,"
                " about=Message.ABOUT_SPENT)])"
            ),
            "use the next set",
            "word\ryes\r",
        ),
        ("done(inputs.letter(about=Message.ABOUT_HARMLESS))", "anyone may read", "text\r\r"),
    ):
        session = run(program)
        session.expect(r"\x1b\[\?1049h")
        session.expect(said)
        for keys in typed.split("\r")[:-1]:
            session.type(keys + "\r")
        session.expect("<<.*>>")
