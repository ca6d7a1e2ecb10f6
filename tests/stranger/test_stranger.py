"""A client written from docs/protocol.md alone exchanges letters with the real programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from .answers import check_digit
from .client import Guest, Host, Unconfirmed
from .conversation import Chain, Conversation, CopyDetected, Letter
from .meeting import NO_CT, Point
from .wire import KeyPair, Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOUTH = "감자밭 할머니\n노동자 강철\n외가리 1974\n"
NORTH = ("감자밭  할머니", "로동자 강철", "왜가리: 1974")
WRONG = ("감자밭 할머니", "로동자 강철", "왜가리 1975")


@contextmanager
def running(command: list[str], **settings: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # type: ignore[call-overload]  # the settings are Popen's
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, **settings
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def relay() -> Iterator[str]:
    serve = ["ojak_relay", "serve", "--listen", "127.0.0.1:0", "--store", "memory"]
    with running([*serve, "--capacity", "1000"], stderr=subprocess.STDOUT) as process:
        assert process.stdout
        for line in process.stdout:
            if listening := re.search(r"listening on (\S+)", line):
                yield listening[1]
                return


@dataclass
class Person:
    """Somebody with the real program, on an own device."""

    profile: Path
    relay: str
    descriptors: list[int] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        passphrase = self.descriptor("a long passphrase\n")
        options = ["--profile", str(self.profile), "--relay", self.relay, "--json", "--no-input"]
        return ["ojak_client", *options, "--passphrase-fd", passphrase, *arguments]

    def descriptor(self, text: str) -> str:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        self.descriptors.append(read)
        return str(read)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = self.command(*arguments)
        with running(command, stdin=subprocess.PIPE, pass_fds=self.descriptors) as process:
            while self.descriptors:
                os.close(self.descriptors.pop())
            yield process

    def run(self, *arguments: str, typed: str = "") -> list[dict[str, object]]:
        with self.started(*arguments) as process:
            printed, _ = process.communicate(typed)
        return [json.loads(line) for line in printed.splitlines()]

    def read(self) -> list[object]:
        return [e["text"] for e in self.run("read", "--to-stdout") if e["event"] == "letter"]

    @contextmanager
    def keeping(self) -> Iterator[Iterator[str]]:
        """Run `ojak keep`, and give the names of the events it tells."""
        with self.started("keep") as process:
            assert process.stdout
            events = (str(json.loads(line)["event"]) for line in process.stdout)
            assert next(events) == "keeping"
            yield events


@pytest.fixture
def mina(tmp_path: Path, relay: str) -> Person:
    return Person(tmp_path / "mina", relay)


def invited(mina: Person) -> str:
    questions = [part for n in "123" for part in ("--question", f"question {n}")]
    answers = mina.descriptor(SOUTH)
    events = mina.run("invite", "--name", "엄마", *questions, "--answers-fd", answers)
    found = re.search(r"\d{4}-\d{4}-\d{4}", json.dumps(events))
    assert found
    return found[0]


def texts(letters: list[Letter]) -> list[object]:
    return [letter.text for letter in letters]


def until(events: Iterator[str], expected: str) -> None:
    assert any(event == expected for event in events)


def test_a_stranger_on_an_own_device_meets_the_host_and_several_turns_go_both_ways(
    mina: Person,
) -> None:
    number = invited(mina)
    mina.run("send", "엄마", typed="엄마, 나 미나예요.")
    with mina.keeping() as events:
        guest = Guest(Point.of(number, NORTH), Relay(mina.relay), kept=True)
        ours, letters = guest.meet()
        assert texts(letters) == ["엄마, 나 미나예요."]
        assert guest.relay.sync([letters[0].place.id])[0] == [0]  # deleted once read

        ours.deposit(guest.relay, ours.write("딸아, 나도 잘 있다."))
        until(events, "guest-confirmed")
        until(events, "new-letter")

        keys = []
        for turn in range(3):
            assert mina.run("send", "엄마", typed=f"미나 {turn}")[-1]["event"] == "left"
            assert texts(ours.collect(guest.relay, wait=25)) == [f"미나 {turn}"]
            assert ours.outcomes == ["arrived"] * (turn + 1)
            keys += [ours.theirs, ours.ours.dh]

            ours.deposit(guest.relay, ours.write(f"엄마 {turn}"))
            mina.run("sync")
    assert mina.read() == ["딸아, 나도 잘 있다.", "엄마 0", "엄마 1", "엄마 2"]
    assert (ours.writes.number, ours.reads.number) == (3, 2)
    assert len(set(keys)) == len(keys)


def test_a_stranger_who_keeps_nothing_still_gets_a_letter_while_it_looks(mina: Person) -> None:
    number = invited(mina)
    mina.run("send", "엄마", "--wait-for-reply", typed="답을 기다린 편지")
    with mina.keeping() as events:
        guest = Guest(Point.of(number, NORTH), Relay(mina.relay))
        ours, letters = guest.meet()
        assert [letter.body for letter in letters] == [{0: 0, 5: 1}]  # one letter follows

        ours.deposit(guest.relay, ours.write("나다."))
        assert texts(ours.collect(guest.relay, wait=25)) == ["답을 기다린 편지"]
        ours.deposit(guest.relay, ours.write())  # the receipt, before it leaves
        until(events, "new-letter")
        assert mina.read() == ["나다."]
        until(events, "received")
        assert mina.run("send", "엄마", typed="다음에")[-1]["event"] == "left"
        assert texts(ours.collect(guest.relay, wait=25)) == ["다음에"]


def test_a_withdrawn_letter_and_a_lost_one_are_acknowledged_as_that(mina: Person) -> None:
    number = invited(mina)
    with mina.keeping():
        guest = Guest(Point.of(number, NORTH), Relay(mina.relay), kept=True)
        ours, _ = guest.meet()
    first, taken_back, lost = ours.write("하나"), ours.write("둘"), ours.write("셋")
    last = ours.write("넷")
    ours.deposit(guest.relay, first, taken_back, last)
    assert guest.relay.sync(deposits=[taken_back.withdrawal])[1] == [0]
    mina.run("sync")

    for _ in range(2):  # a place is lost when the chain after the next opens
        mina.run("send", "엄마", typed="받았어요")
        ours.collect(guest.relay)
        assert ours.outcomes == ["arrived", "withdrawn"]
        ours.deposit(guest.relay, ours.write("다음 편지"))
        mina.run("sync")
    mina.run("send", "엄마", typed="받았어요")
    ours.collect(guest.relay)
    assert ours.outcomes == ["arrived", "withdrawn", "lost", "arrived", "arrived", "arrived"]
    assert lost in ours.written
    assert mina.read() == ["하나", "넷", "다음 편지", "다음 편지"]


def test_wrong_answers_open_nothing_and_the_right_ones_still_do(mina: Person) -> None:
    number = invited(mina)
    mina.run("send", "엄마", typed="비밀")
    with mina.keeping() as events:
        with pytest.raises(Unconfirmed):
            Guest(Point.of(number, WRONG), Relay(mina.relay)).meet()
        until(events, "guest-came")
        _, letters = Guest(Point.of(number, NORTH), Relay(mina.relay)).meet()
        assert texts(letters) == ["비밀"]
    assert mina.read() == []


def test_a_real_guest_meets_a_stranger_who_is_the_host(relay: str, tmp_path: Path) -> None:
    number = "70614328905"
    number += check_digit(number)
    host = Host(Point.of(number, NORTH), Relay(relay), at_once=("하나", "둘"))
    offer = host.lay()
    mother = Person(tmp_path / "mother", relay)
    meet = ["meet", number, "--own", "미나", "--letter", "-", "--to-stdout"]
    with mother.started(*meet, "--answers-fd", mother.descriptor(SOUTH)) as process:
        assert process.stdin
        process.stdin.write("엄마다.")
        process.stdin.close()
        ours, letters = host.meet(offer)
        assert process.stdout
        shown = [json.loads(line) for line in process.stdout]
    assert [event["text"] for event in shown if event["event"] == "letter"] == ["하나", "둘"]
    assert texts(letters) == ["엄마다."]
    assert ours.outcomes == ["arrived", "arrived"]
    ours.deposit(host.relay, ours.write("셋"))
    mother.run("sync")
    assert mother.read() == ["셋"]
    mother.run("send", "미나", typed="잘 받았다.")
    assert texts(ours.collect(host.relay, wait=25)) == ["잘 받았다."]
    assert ours.outcomes == ["arrived"] * 3


# --- Without a relay ------------------------------------------------------------------------------


def pair() -> tuple[Conversation, Conversation]:
    """Guest and host of a confirmed branch, whose keys are made up."""
    root, ck, guest, next_guest, host = (bytes([n]) * 32 for n in range(5))
    keys = KeyPair()
    theirs = keys.dh + keys.ek
    return (
        Conversation(
            root,
            keys,
            b"",
            Chain(0, guest, ck, 0, theirs + NO_CT),
            Chain(0, host),
            next_guest,
            host,
            turn=False,
            kept=True,
            answered=False,
        ),
        Conversation(
            root,
            KeyPair(),
            theirs,
            Chain(0, host),
            Chain(0, guest, ck, 0, theirs + NO_CT),
            host,
            next_guest,
            turn=True,
            chain_keys={0: theirs + NO_CT},
        ),
    )


def test_a_box_that_was_touched_opens_nothing_and_changes_nothing() -> None:
    guest, host = pair()
    box = bytearray(host.write("편지").box)
    place = guest.places()[0]
    for at in (0, 100, 2351, 2352, 3999):
        box[at] ^= 1
        assert guest.open(place, bytes(box)) is None
        box[at] ^= 1
    letter = guest.open(place, bytes(box))
    assert letter is not None
    assert letter.text == "편지"


def test_a_box_of_another_place_does_not_open() -> None:
    guest, host = pair()
    host.write("하나")
    second = host.write("둘")
    first_place, second_place = guest.places()[:2]
    assert guest.open(first_place, second.box) is None
    assert guest.open(second_place, second.box) is not None


def test_an_acknowledgement_of_other_boxes_than_ours_shows_a_copy() -> None:
    guest, host = pair()
    sent = host.write("하나")
    assert guest.open(guest.places()[0], sent.box)
    reply = guest.write("둘")
    host.written = [sent.__class__(sent.place, b"other", sent.withdrawn)]
    with pytest.raises(CopyDetected):
        host.open(host.places()[0], reply.box)
