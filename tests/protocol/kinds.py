"""Every kind of letter with details of its own, as examples and as strategies."""

from typing import Final

from hypothesis import strategies as st

from ojak_protocol.cpace import Share
from ojak_protocol.details import (
    Details,
    NextNumber,
    NextQuestions,
    NextRelay,
    Parcel,
    ParcelWhat,
    Question,
    QuestionOutcome,
    QuestionReply,
    Stop,
    StopWhat,
)
from ojak_protocol.letters import Body, Kind
from ojak_protocol.number import new_number
from ojak_protocol.padding import MOST_PARCEL_BYTES, PART_BYTES, part_count

DETAILS: Final[dict[Kind, Details]] = {
    Kind.STOP: Stop(StopWhat.SEND_NO_MONEY),
    Kind.QUESTIONS: NextQuestions(2, ("Whose dog?", "그 산?", "哪条河?")),
    Kind.NUMBER: NextNumber(new_number(lambda size: b"n" * size)),
    Kind.RELAY: NextRelay("https://relay.example/v1"),
    Kind.PARCEL: Parcel(b"f" * 32, 5000, b"d" * 32, 2, ParcelWhat.PHOTO),
    Kind.QUESTION: Question(b"n" * 16, Share(b"s" * 32)),
    Kind.REPLY: QuestionReply(b"n" * 16, Share(b"s" * 32), b"t" * 32),
    Kind.OUTCOME: QuestionOutcome(b"n" * 16, b"t" * 32),
}
PLAIN: Final = tuple(kind for kind in Kind if kind not in DETAILS)
"""The kinds without details."""

keys = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=16, max_size=16)
shares = keys.map(Share)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=375)
questions = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
short_questions = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)
wholes = st.builds(
    lambda key, size, digest, what: Parcel(key, size, digest, part_count(size), what),
    keys,
    st.integers(1, MOST_PARCEL_BYTES),
    keys,
    st.sampled_from(ParcelWhat),
)
timed = st.builds(
    Parcel,
    keys,
    st.integers(1, PART_BYTES),
    keys,
    st.just(1),
    st.sampled_from(ParcelWhat),
    st.integers(1, 2**32 - 1),
)


def details(question: st.SearchStrategy[str]) -> dict[Kind, st.SearchStrategy[Details]]:
    """A strategy for the details of each kind; the texts of next questions are *question*."""
    return {
        Kind.STOP: st.builds(Stop, st.sampled_from(StopWhat)),
        Kind.QUESTIONS: st.builds(
            NextQuestions, st.integers(1, 2**32 - 1), st.tuples(question, question, question)
        ),
        Kind.NUMBER: st.binary(min_size=5, max_size=5)
        .map(lambda drawn: bytes([drawn[0] % 200]) + drawn[1:])
        .map(lambda drawn: NextNumber(new_number(lambda _: drawn))),
        Kind.RELAY: st.builds(
            NextRelay,
            st.text(
                st.characters(codec="ascii", min_codepoint=33, max_codepoint=126),
                min_size=1,
                max_size=160,
            ),
        ),
        Kind.PARCEL: wholes | timed,
        Kind.QUESTION: st.builds(Question, nonces, shares),
        Kind.REPLY: st.builds(QuestionReply, nonces, shares, keys),
        Kind.OUTCOME: st.builds(QuestionOutcome, nonces, keys),
    }


def said_by(kind: Kind, details: Details | None) -> Body:
    """A body of *kind* with *details*; a question has a text."""
    return Body(kind, "Whose dog?" if kind is Kind.QUESTION else "", details=details)
