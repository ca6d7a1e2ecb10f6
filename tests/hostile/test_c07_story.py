"""C7: an own device fails or dies at each save and send of a whole story, and nothing goes wrong.

Letters are shown once, deletions sent again, both directions go on, and nothing is called collected
or taken back that was not. Here each save and send goes wrong once, in four ways in turn; `make
torture` takes all four at each, and many in one story.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ojak_client.invocation import Invocation
from ojak_client.our_letters import in_state
from ojak_client.profile import Contact, LetterState, Profile
from ojak_client.taking_back import take_back
from tests.hostile.faulty_story import Fault, FaultyStore, Side, new_story, with_every_fault


def in_turn(step: int) -> Sequence[Fault]:
    return (list(Fault)[step % 4],)


def test_c7_whichever_save_or_send_fails_or_kills_nothing_is_lost_repeated_or_falsely_told() -> (
    None
):
    ran = with_every_fault(new_story(), in_turn, is_short=True)
    assert ran.wrong == []
    assert ran.faults > 90


# Planted bugs


class SavesLate(FaultyStore):
    """Planted: a save returns before it is durable, and is so with the next one."""

    def write(self, profile: Profile) -> None:
        self._before = self.read()
        super().write(profile)

    def started_again(self) -> None:
        self._profile = self._before


class MarksNothing(Side):
    """Planted: a letter is shown without a mark, and let go only afterwards."""

    def show(self, at: Invocation, *, again: bool) -> None:
        del again
        for letter in self.contact.theirs:
            at.output.write("letter" if letter.text else "other", letter.text)
        self.person.change(lambda contact: replace(contact, theirs=()))


class LetsGoFirst(Side):
    """Planted: letters are let go before they are shown."""

    def show(self, at: Invocation, *, again: bool) -> None:
        del again
        letters = self.contact.theirs
        self.person.change(lambda contact: replace(contact, theirs=()))
        for letter in letters:
            at.output.write("letter" if letter.text else "other", letter.text)


class TakesBackAtOnce(Side):
    """Planted: what was asked back is called taken back before the other side said so."""

    def take_back(self, contact: Contact, reference: int) -> Contact:
        contact = take_back(contact, reference)
        ours = (
            in_state(one, LetterState.TAKEN_BACK) if one.reference == reference else one
            for one in contact.ours
        )
        return replace(contact, ours=tuple(ours))


@pytest.mark.parametrize(
    ("make_side", "make_store", "kind", "found"),
    [
        (Side, SavesLate, Fault.KILLED_AFTER, ""),
        (MarksNothing, FaultyStore, Fault.KILLED_BEFORE, "shown twice unasked"),
        (LetsGoFirst, FaultyStore, Fault.KILLED_AFTER, "neither shown nor kept"),
        (TakesBackAtOnce, FaultyStore, None, "taken back, and read"),
    ],
)
def test_a_client_that_does_things_in_another_order_would_be_found(
    make_side: type[Side], make_store: type[FaultyStore], kind: Fault | None, found: str
) -> None:
    def kinds(step: int) -> Sequence[Fault]:
        # Letters are read from here on.
        return (kind,) if kind is not None and step > 36 else ()

    story = new_story(make_side, make_store)
    ran = with_every_fault(story, kinds, is_short=True, until_wrong=True)
    assert any(found in wrong for wrong in ran.wrong)
