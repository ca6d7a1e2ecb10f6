"""Taking back a letter that has not arrived.

Only the other side can tell whether it read a letter before it was taken back: a letter that lay
anywhere for anybody is *asked back* until an acknowledgement says more. One that was sealed for
nobody is taken back at once. Either way its text is erased here, and nothing seals or offers it
again.

The caller saves what `take_back` returns before anything is sent.
"""

from ojak_client.our_letters import in_state, sealed_references
from ojak_client.profile import Contact, LetterState, OurLetter, Role, Visiting, with_point
from ojak_client.timed_parts import part_of, without_part
from ojak_protocol import conversation as talk
from ojak_protocol import meeting_point
from ojak_protocol.values import replace


def take_back(contact: Contact, reference: int) -> Contact:
    """Return the contact with our letter *reference* asked back wherever it was sealed.

    In a visit that nobody confirmed, and of a letter left for an absent host, both branches change
    together, so that the relay cannot tell which of them is real. The box of a timed letter is to
    be deleted at the relay. A letter that cannot be taken back any more stays as it is.
    """
    letter = find_letter(contact, reference)
    if letter is None or not can_be_taken_back(contact, letter):
        return contact
    contact = _recalled_in_lines(contact, reference)
    for one in contact.sets:
        contact = with_point(contact, meeting_point.recall(one.point, reference))
    if contact.visiting is not None:
        contact = replace(contact, visiting=_recalled_in_attempt(contact.visiting, reference))
    # Whoever holds the pointer may have fetched what it points to, and says nothing of that.
    known = letter.possibly_read or letter.state is LetterState.COLLECTED
    contact = without_part(contact, reference)
    state = LetterState.TAKEN_BACK
    if known or reference in sealed_references(contact):
        state = LetterState.ASKED_BACK
    taken = replace(in_state(letter, state), possibly_read=known)
    return replace(contact, ours=tuple(taken if one is letter else one for one in contact.ours))


def find_letter(contact: Contact, reference: int) -> OurLetter | None:
    """Return our letter *reference*, if it is still known."""
    return next((letter for letter in contact.ours if letter.reference == reference), None)


def can_be_taken_back(contact: Contact, letter: OurLetter) -> bool:
    """Return whether asking for *letter* back may still be of use.

    A timed letter can be asked back after its pointer arrived, as long as it lies at the relay.
    """
    match letter.state:
        case LetterState.WAITING | LetterState.ASKED_BACK:
            return True
        case LetterState.COLLECTED:
            return part_of(contact, letter.reference) is not None
        case LetterState.READ | LetterState.TAKEN_BACK | LetterState.EXPIRED:
            return False


def to_take_back(contact: Contact) -> tuple[OurLetter, ...]:
    """Return the letters that a person may mean who names none: harmless ones are not meant."""
    return tuple(
        letter
        for letter in contact.ours
        if letter.role is not Role.COUNTERPART
        and letter.state is not LetterState.ASKED_BACK
        and can_be_taken_back(contact, letter)
    )


def _recalled_in_lines(contact: Contact, reference: int) -> Contact:
    """Ask a letter back, and after the alarm word what stands in its place: the relay sees both."""
    lines = []
    for line in contact.lines:
        meant = {reference, *(harmless for letter, harmless in line.pairs if letter == reference)}
        state = line.conversation
        for one in meant:
            state, _ = talk.recall(state, one)
        lines.append(replace(line, conversation=state))
    return replace(contact, lines=tuple(lines))


def _recalled_in_attempt(visiting: Visiting, reference: int) -> Visiting:
    if visiting.attempt is None:
        return visiting
    first, second = (talk.recall(branch, reference)[0] for branch in visiting.attempt.branches)
    return replace(visiting, attempt=replace(visiting.attempt, branches=(first, second)))
