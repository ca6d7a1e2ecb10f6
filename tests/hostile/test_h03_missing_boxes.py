"""H3: boxes reordered, one dropped, only the first few given out: the gap is handled, not hidden.

Each letter that came is shown once. What stands behind a gap is not called collected; once the
missing box comes, all is; if it never comes, its writer is told that it was lost and writes it
again by itself.
"""

from itertools import permutations

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import MailboxId
from tests.client.persons import Clock, Person, kept_pair
from tests.hostile.relays import HostileRelay
from tests.people import boxes_of, collected, heard, meet, outcomes, receipt, said, texts

HOUR = 3600
LETTERS = ["하나", "둘", "셋", "넷"]
COLLECTED, WAITING = LetterState.COLLECTED, LetterState.WAITING


def states(person: Person) -> list[LetterState]:
    return [letter.state for letter in person.contact.ours]


def places_of(person: Person, *texts: str) -> set[MailboxId]:
    """Where these letters of the person lie."""
    wanted = {one.reference for one in person.contact.ours if one.text in texts}
    outbox = person.contact.lines[0].conversation.outbox
    return {out.place.id for out in outbox if out.reference in wanted}


def settle(*people: Person, clock: Clock, rounds: int = 3) -> None:
    for _ in range(rounds):
        for person in people:
            person.sync()
        clock.now += HOUR + 1


def sent(relay: HostileRelay, clock: Clock) -> tuple[Person, Person]:
    """A reader, and a writer whose letters lie at the relay."""
    reader, writer = kept_pair(relay, clock)
    settle(writer, reader, clock=clock)
    for text in LETTERS:
        writer.write(text)
    writer.sync()
    return reader, writer


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_h3_reordered_boxes_are_each_shown_once_and_all_acknowledged(
    order: tuple[int, ...],
) -> None:
    pair = meet()
    for reference, text in enumerate(LETTERS, 1):
        pair.guest = said(pair.guest, text, reference=reference)
    boxes = list(boxes_of(pair.guest).items())[-4:]
    host, _ = heard(pair.host, *next(iter(boxes_of(pair.guest).items())))
    shown: list[str] = []
    for number in order:
        host, events = heard(host, *boxes[number])
        shown += texts(events)
        assert heard(host, *boxes[number])[1] == ()
    assert shown == [LETTERS[number] for number in order]
    _, told = collected(pair.guest, receipt(host))
    assert outcomes(told) == [Outcome.ARRIVED] * 4


@pytest.mark.parametrize("dropped", range(4))
def test_h3_one_of_n_dropped_stops_what_is_called_collected_until_it_comes(
    dropped: int, relay: HostileRelay, clock: Clock
) -> None:
    reader, writer = sent(relay, clock)
    with relay.withholds(places_of(writer, LETTERS[dropped])):
        settle(reader, writer, clock=clock)
    came = [text for text in LETTERS if text != LETTERS[dropped]]
    assert reader.texts == came
    assert states(writer) == [COLLECTED] * dropped + [WAITING] * (4 - dropped)
    settle(reader, writer, clock=clock)
    # It is read where it was written, although it came last.
    assert reader.texts == [*LETTERS]
    assert states(writer) == [COLLECTED] * 4


@pytest.mark.parametrize("given", range(4))
def test_h3_of_a_prefix_only_the_prefix_is_collected_and_the_rest_comes_later(
    given: int, relay: HostileRelay, clock: Clock
) -> None:
    reader, writer = sent(relay, clock)
    with relay.withholds(places_of(writer, *LETTERS[given:])):
        settle(reader, writer, clock=clock)
        assert reader.texts == LETTERS[:given]
        assert states(writer) == [COLLECTED] * given + [WAITING] * (4 - given)
    settle(reader, writer, clock=clock)
    assert reader.texts == LETTERS
    assert states(writer) == [COLLECTED] * 4


def test_h3_a_box_that_never_comes_is_told_as_lost_and_its_letter_goes_again(
    relay: HostileRelay, clock: Clock
) -> None:
    reader, writer = sent(relay, clock)
    with relay.withholds(places_of(writer, "둘")):
        # Two later chains of the writer, and the missing place can no longer be opened.
        for turn in range(4):
            settle(reader, writer, clock=clock)
            reader.write(f"답 {turn}")
            settle(reader, writer, clock=clock)
            writer.write(f"또 {turn}")
            settle(writer, reader, clock=clock)
    settle(reader, writer, clock=clock)
    assert NoticeKind.LETTER_LOST in writer.kinds()
    assert sorted(reader.texts) == sorted([*LETTERS, *(f"또 {turn}" for turn in range(4))])
    assert set(states(writer)) == {COLLECTED}


def test_h3_everything_withheld_is_silence_and_nothing_is_called_collected(
    relay: HostileRelay, clock: Clock
) -> None:
    reader, writer = sent(relay, clock)
    with relay.finds_nothing():
        settle(reader, writer, clock=clock, rounds=6)
    assert reader.texts == []
    assert states(writer) == [WAITING] * 4
