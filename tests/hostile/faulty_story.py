"""A whole story of two people, one of whose devices fails or dies at one of its saves or sends.

They meet, write, read, acknowledge, take a letter back and choose another set of questions. Whoever
is told that something failed does what a person does: looks, and does it again. What must hold is
looked at after each step, and once more when all went well at the end.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from ojak_client.errors import NoAnswer, NotReached, Unsure, VaultUnusable
from ojak_client.i18n import Text
from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.our_letters import with_letter
from ojak_client.output import Output
from ojak_client.profile import Contact, LetterState, Profile, QuestionSet, find, with_contact
from ojak_client.question_sets import add_set, find_set
from ojak_client.reading import Showing, show_letters
from ojak_client.store import decode, encode
from ojak_client.taking_back import take_back
from ojak_protocol import values
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.details import NextQuestions
from ojak_protocol.letters import Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from ojak_protocol.sync import NO_DELETE, SyncRequest, decode_request
from tests.client.persons import (
    NAME,
    Clock,
    JournalStore,
    Killed,
    Person,
    guest_of,
    host_of,
    is_seen,
    known_boxes,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import SEED

T = TypeVar("T")
HOUR = 3600


class Enough(Exception):
    """The rest of the story need not be told."""


class Fault(Enum):
    """What goes wrong at one save or send; `test_c07_disk` shows that a save has no others."""

    REFUSED = "an error, and nothing was done"
    UNSURE = "an error, and it was done all the same"
    KILLED_BEFORE = "the process is gone before it"
    KILLED_AFTER = "the process is gone after it"


@dataclass
class Faults:
    """The saves and sends of one device, and what happens at one of them.

    Attributes:
        at: for each number of a save or send what goes wrong there.
        steps: how many there were.
    """

    at: Callable[[int], Fault | None] = lambda _: None
    steps: int = 0
    fired: int = 0

    def step(self, work: Callable[[], T], refused: Exception, unsure: Exception) -> T:
        """Do *work*, with what goes wrong at this step."""
        fault = self.at(self.steps)
        self.steps += 1
        self.fired += fault is not None
        match fault:
            case Fault.REFUSED:
                raise refused
            case Fault.KILLED_BEFORE:
                raise Killed
        done = work()
        match fault:
            case Fault.UNSURE:
                raise unsure
            case Fault.KILLED_AFTER:
                raise Killed
        return done


class FaultyStore(JournalStore):
    """A profile as bytes, written as a vault does: a change that changes nothing writes nothing."""

    def __init__(self, profile: Profile, faults: Faults) -> None:
        super().__init__(profile)
        self._faults = faults
        self._profile = profile
        self.ever_to_delete: set[DeleteKey] = set()

    def read(self) -> Profile:
        return self._profile

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        before = self.read()
        after, said = change(before)
        if after != before:
            self._faults.step(lambda: self.write(after), VaultUnusable("no"), VaultUnusable("late"))
        return said

    def write(self, profile: Profile) -> None:
        """Make *profile* durable."""
        # What is read is what the bytes say, as after a start; it is taken out of them only once.
        self._profile = decode(encode(profile))
        self.ever_to_delete |= keys_to_delete(profile)

    def started_again(self) -> None:
        """Another process finds what is durable; a planted bug may have less."""


class FaultyRelay:
    """The relay as one device reaches it; looks at each request whether it was saved before."""

    asked_again = 0

    def __init__(self, relay: SimulatedRelay, store: JournalStore, faults: Faults) -> None:
        self._relay = relay
        self._store = store
        self._faults = faults
        self.boxes: dict[MailboxId, set[bytes]] = {}

    @property
    def connection(self) -> "FaultyRelay":
        return self

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        self._look_at(decode_request(body))
        return self._faults.step(
            lambda: self._relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds),
            NotReached("lost"),
            Unsure("lost"),
        )

    def _look_at(self, request: SyncRequest) -> None:
        saved = self._store.read()
        sent = {deposit.box for deposit in request.deposits if not is_seen(saved, deposit)}
        # Offers are sealed anew for each look at them, which takes long: only where it is needed.
        if not sent <= boxes_in_talks(saved):
            assert sent <= known_boxes(saved), "sent before it was saved"
        for deposit in request.deposits:
            if deposit.box in sent:
                self.boxes.setdefault(deposit.id, set()).add(deposit.box)
        assert set(request.deletes) - {NO_DELETE} <= keys_to_delete(saved), "deleted before saved"


@values.dataclass(frozen=True, slots=True)
class Screen(Output):
    """What a person sees."""

    shown: list[str] = field(default_factory=list)

    def write(self, event: str, text: str, **fields: object) -> None:
        self.shown.append(text if event == "letter" else f"{event} {fields}")

    def _sentence(self, message: Text, values: dict[str, object], *, shown: bool) -> None:
        pass


@dataclass
class Side:
    """One person of the story."""

    person: Person
    faults: Faults
    store: FaultyStore
    way: FaultyRelay
    wrote: dict[int, str] = field(default_factory=dict)
    shown: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)

    def until_done(self, command: Callable[[], None], is_done: Callable[[], bool]) -> None:
        """Do *command*; whoever is told of a failure, or of nothing, looks and does it again."""
        while True:
            try:
                command()
            except Killed:
                self.store.started_again()
                if is_done():
                    return
            except (VaultUnusable, NoAnswer):
                if is_done():
                    return
            else:
                return

    def sync(self) -> None:
        self.until_done(self.person.sync, lambda: False)

    def write(self, text: str) -> None:
        self.until_done(lambda: self._write(text), lambda: self._has_written(text))
        self._learn()

    def recall(self, text: str) -> None:
        (reference,) = (n for n, wrote in self.wrote.items() if wrote == text)

        def is_asked_back() -> bool:
            letter = next(one for one in self.contact.ours if one.reference == reference)
            return letter.state is not LetterState.WAITING

        self.until_done(
            lambda: self.person.change(lambda contact: self.take_back(contact, reference)),
            is_asked_back,
        )

    def choose_another_set(self) -> None:
        self.until_done(self._add_set, lambda: find_set(self.contact, 2) is not None)
        self._learn()

    def read(self, *, again: bool = False) -> None:
        counter = self.again if again else self.shown

        def command() -> None:
            screen = Screen()
            at = Invocation("ko", None, None, screen, Inputs(no_input=True))
            try:
                self.show(at, again=again)
            finally:
                counter.update(screen.shown)

        self.until_done(command, lambda: False)

    def show(self, at: Invocation, *, again: bool) -> None:
        show_letters(at, self.person.store, NAME, Showing(to_stdout=True, again=again))

    def take_back(self, contact: Contact, reference: int) -> Contact:
        return take_back(contact, reference)

    @property
    def contact(self) -> Contact:
        return self.person.contact

    @property
    def has(self) -> set[str]:
        """What was shown here or is kept."""
        kept = {letter.text for letter in self.contact.theirs if letter.kind == Kind.TEXT}
        return {*self.shown, *self.again, *kept}

    def _write(self, text: str) -> None:
        self.person.write(text)

    def _has_written(self, text: str) -> bool:
        return text in {letter.text for letter in self.contact.ours}

    def _learn(self) -> None:
        for letter in self.contact.ours:
            self.wrote.setdefault(letter.reference, letter.text)

    def _add_set(self) -> None:
        point = MeetingPoint(Number("0" * 12), SEED, 2, b"2" * 32, None, bits=30)
        questions = ("가?", "나?", "다?")

        def add(profile: Profile) -> tuple[Profile, None]:
            contact = find(profile, NAME)
            assert contact is not None
            more = add_set(contact, QuestionSet(point, questions))
            assert more is not None
            profile = with_contact(profile, more)
            details = NextQuestions(2, questions)
            return with_letter(
                profile,
                NAME,
                "",
                expires_at=0,
                at_once=False,
                kind=Kind.QUESTIONS,
                details=details,
            ), None

        self.person.store.update(add)


@dataclass
class Story:
    """Host and guest, each with the faults of its own device."""

    host: Side
    guest: Side
    relay: SimulatedRelay
    clock: Clock
    recalled: tuple[str, ...] = ("되부른 것", "늦게 되부른 것")
    is_short: bool = False
    """Whether it ends after the step in which something went wrong."""

    def tell(self) -> None:
        host, guest = self.host, self.guest
        self.do(lambda: host.write("기다린 편지"), host.sync)
        self.do(guest.sync, host.sync, guest.sync, host.sync)
        self.do(lambda: guest.write("첫 답"), guest.sync, host.sync, host.read, guest.read)
        self.do(lambda: host.write("하나"), lambda: host.write("둘"), host.sync)
        self.do(guest.sync, guest.read, lambda: guest.write("둘째 답"))
        self.later()
        early, late = self.recalled
        self.do(lambda: host.write(early), host.sync, lambda: host.recall(early), host.sync)
        self.do(guest.sync, lambda: guest.write(late), guest.sync, host.sync)
        self.do(lambda: guest.recall(late), guest.sync, host.read)
        self.do(host.choose_another_set)
        self.later()
        self.do(host.sync, guest.sync, guest.read)

    def do(self, *steps: Callable[[], None]) -> None:
        for step in steps:
            step()
            self.check()
            if self.is_short and self.host.faults.fired + self.guest.faults.fired:
                raise Enough

    def later(self) -> None:
        self.clock.now += HOUR + 1

    def end_well(self) -> None:
        """Let everything arrive and be read, now that nothing fails any more; write once more."""
        self.is_short = False
        for side in (self.host, self.guest):
            side.faults.at = lambda _: None
        while not self.host.contact.lines:
            self.do(self.guest.sync, self.host.sync)
        self.do(lambda: self.host.write("zuletzt hin"), lambda: self.guest.write("zuletzt her"))
        for _ in range(4):
            self.do(self.host.sync, self.guest.sync, self.host.read, self.guest.read)
            self.later()
        for side in (self.host, self.guest):
            side.read(again=True)
        self.check()
        self.check_end()

    def check(self) -> None:
        """What holds at every moment."""
        for writer, reader in ((self.host, self.guest), (self.guest, self.host)):
            for letter in writer.contact.ours:
                text = writer.wrote.get(letter.reference, letter.text)
                if letter.kind != Kind.TEXT:
                    continue
                if letter.state is LetterState.COLLECTED:
                    assert text in reader.has, "collected, and neither shown nor kept"
                if letter.state is LetterState.TAKEN_BACK:
                    assert text not in reader.has, "taken back, and read"
            assert all(n == 1 for n in reader.shown.values()), "shown twice unasked"
            assert all(n == 1 for n in reader.again.values()), "shown again and again"
            assert reader.has - {"next"} <= set(writer.wrote.values()) | _questions(reader.has)

    def check_end(self) -> None:
        """What holds when all went well in the end."""
        for writer, reader in ((self.host, self.guest), (self.guest, self.host)):
            ended = {letter.reference: letter.state for letter in writer.contact.ours}
            assert set(ended.values()) <= {LetterState.COLLECTED, LetterState.TAKEN_BACK}
            for reference, text in writer.wrote.items():
                came = ended[reference] is LetterState.COLLECTED
                assert came == (text in reader.has) or not text
                assert came or text.startswith(self.recalled), "lost"
            assert len(writer.wrote) == len(set(writer.wrote.values())), "written twice"
            assert reader.contact.theirs == ()
        sets = len(self.host.contact.sets)
        assert len(_questions(self.guest.has)) == sets - 1, "word of the questions is lost"
        for side in (self.host, self.guest):
            (line,) = side.contact.lines
            assert not line.conversation.broken
            assert line.conversation.deletes == ()
            left = {mailbox_id(key) for key in side.store.ever_to_delete}
            assert left, "nothing was read"
            assert not [place for place in left if self.relay.holds(place)], "a deletion is lost"
            assert all(len(boxes) <= 2 for boxes in side.way.boxes.values()), "sealed anew"
        (point,) = {one.point.unconfirmed for one in self.host.contact.sets}
        assert point == 0


def boxes_in_talks(profile: Profile) -> set[bytes]:
    """Every box that waits in a conversation."""
    return {
        out.box
        for contact in profile.contacts
        for line in contact.lines
        for out in line.conversation.outbox
    }


def keys_to_delete(profile: Profile) -> set[DeleteKey]:
    """Every key of a box that was read and is still to be deleted."""
    return {
        key
        for contact in profile.contacts
        for line in contact.lines
        for key in line.conversation.deletes
    }


def new_story(make_side: type[Side] = Side, make_store: type[FaultyStore] = FaultyStore) -> Story:
    """The story before it begins; either of the two may have a planted bug."""
    clock = Clock()
    relay = SimulatedRelay(clock)

    def side(person: Person) -> Side:
        faults = Faults()
        store = make_store(person.store.read(), faults)
        way = FaultyRelay(relay, store, faults)
        person.store = store
        person.relay = way  # type: ignore[assignment] # a relay that fails
        return make_side(person, faults, store, way)

    return Story(side(host_of(relay, clock)), side(guest_of(relay, clock)), relay, clock)


@dataclass
class Ran:
    """What came of one story and of everything that can go wrong in it."""

    faults: int = 0
    wrong: list[str] = field(default_factory=list)


def with_every_fault(
    story: Story,
    kinds: Callable[[int], Sequence[Fault]],
    *,
    is_short: bool,
    until_wrong: bool = False,
) -> Ran:
    """Tell *story*, and from each of its saves and sends on once more for each of *kinds* there.

    Everything up to a fault is told once: a child process goes on from it, and ends. Where
    *is_short*, it goes on to the end of the step, and then to where all goes well. With
    *until_wrong* nothing more is tried once something was wrong.
    """
    ran = Ran()
    steps = 0

    def branch(_: int) -> Fault | None:
        nonlocal steps
        number, steps = steps, steps + 1
        for kind in kinds(number):
            if until_wrong and ran.wrong:
                raise Enough
            reading, writing = os.pipe()
            with warnings.catch_warnings():
                # A thread of another test may still run; the child needs none.
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if not child:
                for side in (story.host, story.guest):
                    side.faults.at = lambda _: None
                branches.append(writing)
                story.is_short = is_short
                return kind
            os.close(writing)
            with os.fdopen(reading) as said:
                wrong = said.read()
            os.waitpid(child, 0)
            ran.faults += 1
            if wrong:
                ran.wrong.append(f"{kind.name} at {number}: {wrong}")
        return None

    branches: list[int] = []
    for side in (story.host, story.guest):
        side.faults.at = branch
    wrong = ""
    try:
        with suppress(Enough):
            story.tell()
        story.end_well()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
        wrong = f"{type(error).__name__} {error}"
        ran.wrong.append(wrong)
    if branches:
        os.write(branches[0], wrong.encode()[:4000])
        os._exit(0)
    return ran


def _questions(shown: set[str]) -> set[str]:
    return {one for one in shown if one.startswith("next-questions")}
