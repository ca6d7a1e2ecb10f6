"""Two people of tests who put questions to each other, without stretching and without screens."""

import hashlib
import os

from ojak_client import comparing
from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.our_letters import with_letter
from ojak_client.output import Output
from ojak_client.profile import Profile, TheirLetter, TheirQuestion
from ojak_client.reading import Showing, show_letters
from ojak_protocol import comparison
from ojak_protocol.answers import canonical
from ojak_protocol.comparison import Asked
from ojak_protocol.details import Details
from ojak_protocol.letters import Body, Kind, encode_details
from ojak_protocol.stretch import Stretch
from tests.client.persons import MONTH, NAME, Person

TEXT = "그 개 이름은?"
DOG, CAT = "바둑이", "고양이"
RECEIPTS_GO_SECONDS = 3601
"""After so long every receipt is due."""


def stretch(secret: bytes, salt: bytes) -> bytes:
    """As unlike for unlike inputs as Argon2id, and fast."""
    return hashlib.sha256(salt + secret).digest()


def new_question(
    answer: str = DOG, text: str = TEXT, stretched: Stretch = stretch
) -> tuple[Asked, Body]:
    return comparison.ask(text, canonical(answer), stretch=stretched, entropy=os.urandom)


def put(
    person: Person, answer: str = DOG, text: str = TEXT, stretched: Stretch = stretch
) -> int | None:
    """The person asks."""
    asked, body = new_question(answer, text, stretched)
    return person.store.update(
        lambda profile: comparing.ask(
            profile, NAME, asked, body, at_once=True, now=person.clock.now
        )
    )


def say(person: Person, body: Body) -> None:
    """The person's client sends *body*, whatever it is."""

    def change(profile: Profile) -> tuple[Profile, None]:
        expires_at = person.clock.now + MONTH
        kind, details = Kind(body.kind), body.details
        return with_letter(
            profile,
            NAME,
            body.text,
            expires_at=expires_at,
            at_once=True,
            kind=kind,
            details=details,
        ), None

    person.store.update(change)


def read(person: Person, *, again: bool = False) -> int:
    """The person reads all that came; what is shown goes to standard output."""
    invocation = Invocation("en", None, None, Output(json=True), Inputs(no_input=True))
    return show_letters(invocation, person.store, NAME, Showing(to_stdout=True, again=again))


def reply_body(question: TheirQuestion, answer: str = DOG) -> tuple[comparison.Replied, Body]:
    return comparison.reply(
        question.text,
        question.question,
        canonical(answer),
        used=(),
        stretch=stretch,
        entropy=os.urandom,
    )


def reply(person: Person, answer: str = DOG) -> int | None:
    """The person answers the oldest open question."""
    question = person.contact.their_questions[0]
    replied, body = reply_body(question, answer)
    return person.store.update(
        lambda profile: comparing.answer(
            profile, NAME, question, replied, body, at_once=True, now=person.clock.now
        )
    )


def results(person: Person) -> list[tuple[str, bool]]:
    """What the person is to read of comparisons."""
    return [(one.text, one.equal) for one in person.contact.theirs if one.equal is not None]


def kinds_of(person: Person) -> list[int]:
    return [one.kind for one in person.contact.theirs]


def details_sent(person: Person, kind: Kind) -> set[bytes]:
    return {one.details for one in person.contact.ours if one.kind == kind and one.details}


def later(person: Person) -> None:
    """Time passes until receipts go, and the person syncs."""
    person.clock.now += RECEIPTS_GO_SECONDS
    person.sync()


def until_both_know(asker: Person, replier: Person, answer: str = DOG) -> None:
    """From a question that was put to what both are to read of it."""
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier, answer)
    replier.sync()
    asker.sync()
    later(asker)
    replier.sync()


def carrying(kind: Kind, details: Details, text: str = "") -> Body:
    return Body(kind, text, details=details)


def arrived(body: Body) -> TheirLetter:
    """*body* as it is kept until it is read."""
    details = b"" if body.details is None else encode_details(body.details)
    return TheirLetter(1, body.kind, body.text, details=details)
