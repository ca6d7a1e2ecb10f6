"""Timed letters for the tests: writing one, and where its box and its pointer are."""

from ojak_client.profile import LetterState, Part, Pointer, Profile
from ojak_client.timed_parts import with_timed_letter
from ojak_protocol.addresses import MailboxId, mailbox_id
from ojak_protocol.sync import Deposit
from tests.client.persons import NAME, Person
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ENTROPY

DAY = 86_400
TEXT = "생일을 축하한다"
DUE = 3 * DAY


def writes(person: Person, text: str = TEXT, *, after: int = DUE) -> int:
    """Somebody writes a letter that opens after so many seconds."""
    now = person.clock.now
    references: list[int] = []

    def change(profile: Profile) -> tuple[Profile, None]:
        changed = with_timed_letter(
            profile, NAME, text, due_at=now + after, now=now, entropy=ENTROPY
        )
        assert changed is not None
        references.append(changed.references)
        return changed, None

    person.store.update(change)
    return references[-1]


def part(person: Person) -> Part:
    (one,) = person.contact.parts
    return one


def pointer(person: Person) -> Pointer:
    (one,) = person.contact.pointers
    return one


def place_of(person: Person) -> MailboxId:
    return mailbox_id(part(person).delete_key)


def polled(relay: SimulatedRelay, since: int = 0) -> set[MailboxId]:
    return {place for made in relay.arrived[since:] for place in made.polls}


def deposits_at(relay: SimulatedRelay, place: MailboxId) -> list[Deposit]:
    return [one for made in relay.arrived for one in made.deposits if one.id == place]


def state_of(person: Person, reference: int) -> LetterState:
    return next(one.state for one in person.contact.ours if one.reference == reference)
