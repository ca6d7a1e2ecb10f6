"""Whatever happens on the way: what was read is never said to be taken back, nor the reverse."""

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.errors import NoAnswer
from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState
from ojak_client.taking_back import take_back
from tests.client.persons import Clock, Person, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_taking_back import lying, talk_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from ojak_protocol.addresses import MailboxId

MOST_LETTERS = 4
steps = st.lists(
    st.one_of(
        st.just(("write", 0)),
        st.tuples(st.just("read"), st.integers(0, 1)),
        st.just(("answer", 0)),
        st.tuples(st.just("recall"), st.integers(1, MOST_LETTERS)),
        st.tuples(st.just("sync"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 10)),
    ),
    max_size=16,
)


class _Story:
    def __init__(self) -> None:
        self.clock = Clock()
        self.relay = SimulatedRelay(self.clock)
        self.writer, self.reader = kept_pair(self.relay, self.clock)
        self.old: dict[MailboxId, bytes] = {}
        self.reader.sync()
        self.writer.sync()

    def write(self, _: int) -> None:
        if self.writer.store.read().references < MOST_LETTERS:
            number = self.writer.store.read().references + 1
            self.writer.write(f"{number}")

    def answer(self, _: int) -> None:
        if len(self.reader.contact.ours) < MOST_LETTERS:
            self.reader.write("답")

    def read(self, kept: int) -> None:
        """The reader syncs, at a relay that may show what it was told to replace."""
        with self.relay.shows(self.old if kept else {}):
            self.reader.sync()

    def recall(self, reference: int) -> None:
        self.old.update(lying(self.writer))
        self.writer.change(lambda contact: take_back(contact, reference))

    def wait(self, hours: int) -> None:
        self.clock.now += hours * 3700

    def sync(self, fault: int) -> None:
        """The writer syncs, at a relay that has one fault or none."""
        relay = self.relay
        faults: list[Callable[[], object]] = [
            relay.loses_requests,
            relay.loses_replies,
            relay.stores_nothing,
            relay.occupied,
            lambda: relay.shows(self.old),
        ]
        with ExitStack() as stack, suppress(NoAnswer):
            if fault < len(faults):
                stack.enter_context(faults[fault]())  # type: ignore[arg-type] # all are `with` blocks
            self.writer.sync()

    def states(self, person: Person) -> dict[str, LetterState]:
        return {f"{one.reference}": one.state for one in person.contact.ours}


@given(steps)
@settings(max_examples=30, deadline=None)
def test_a_letter_is_read_or_taken_back_or_nobody_says_which(
    happened: list[tuple[str, int]],
) -> None:
    story = _Story()
    for step, number in happened:
        getattr(story, step)(number)
        said = story.states(story.writer)
        for text in story.reader.texts:
            assert said[text] is not LetterState.TAKEN_BACK
    # In the end, and after a third of a box's life, an honest relay lets everything be known.
    story.wait(24 * 3)
    story.writer.sync()
    story.reader.sync()
    story.reader.write("끝")
    talk_on(story.clock, story.writer, story.reader, story.writer)
    said = story.states(story.writer)
    read = set(story.reader.texts)
    assert {text for text, state in said.items() if state is LetterState.COLLECTED} == read
    assert {state for text, state in said.items() if text not in read} <= {LetterState.TAKEN_BACK}
    kinds = story.writer.kinds()
    assert NoticeKind.COPY_DETECTED not in kinds
