"""A question between two: both learn the same, equal or not, and a wrong answer nothing more."""

import hashlib
import hmac
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol import cpace
from ojak_protocol.answers import CanonicalAnswer, canonical
from ojak_protocol.comparison import Asked, Replied, ask, conclude, learn, reply
from ojak_protocol.cpace import Share, new_scalar
from ojak_protocol.details import Question, QuestionOutcome, QuestionReply
from ojak_protocol.errors import LocalError, Reason, Refused
from ojak_protocol.letters import Body, Kind, decode_body, encode_body
from ojak_protocol.primitives import lv
from ojak_protocol.stretch import argon2id
from tests.people import holds

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cpace.json").read_text())
LOW_ORDER = [
    Share(bytes.fromhex(vector["point"]))
    for vector in VECTORS["points"]
    if vector["expect"] == "refused"
]
DOG, CAT, COW = canonical("바둑이"), canonical("고양이"), canonical("송아지")
TEXT = "Whose dog was it?"

answers = st.sampled_from([DOG, CAT, COW])


def stretch(secret: bytes, salt: bytes) -> bytes:
    """As unlike for unlike inputs as Argon2id, and fast."""
    assert len(salt) == 16
    return hashlib.sha256(salt + secret).digest()


def asked(answer: CanonicalAnswer = DOG, text: str = TEXT) -> tuple[Asked, Question]:
    state, body = ask(text, answer, stretch=stretch, entropy=os.urandom)
    body = decode_body(encode_body(body))
    assert body.kind == Kind.QUESTION
    assert body.text == text
    assert isinstance(body.details, Question)
    return state, body.details


def replied(
    question: Question, answer: CanonicalAnswer = DOG, text: str = TEXT
) -> tuple[Replied, QuestionReply]:
    state, body = reply(text, question, answer, used=(), stretch=stretch, entropy=os.urandom)
    body = decode_body(encode_body(body))
    assert body.kind == Kind.REPLY
    assert isinstance(body.details, QuestionReply)
    return state, body.details


def concluded(state: Asked, answered: QuestionReply) -> tuple[bool, QuestionOutcome]:
    equal, body = conclude(state, answered, entropy=os.urandom)
    return equal, outcome_in(body)


def outcome_in(body: Body) -> QuestionOutcome:
    body = decode_body(encode_body(body))
    assert body.kind == Kind.OUTCOME
    assert isinstance(body.details, QuestionOutcome)
    return body.details


def test_shares_and_tags_are_made_as_specified() -> None:
    nonce, scalars = b"n" * 16, (new_scalar(os.urandom), new_scalar(os.urandom))
    prs = stretch(DOG, hashlib.blake2b(nonce, digest_size=16, person=b"ask-salt").digest())
    sid = hashlib.blake2b(nonce, digest_size=32, person=b"ask").digest()
    ci = lv(b"ojak-1", b"ask", b"ko-fold-1")
    first, second = (cpace.share(prs, ci, sid, scalar) for scalar in scalars)
    isk = cpace.session_key(
        scalars[0],
        second,
        sid=sid,
        initiator_share=first,
        initiator_data=lv(TEXT.encode()),
        responder_share=second,
        responder_data=nonce,
    )
    drawn = [nonce, scalars[0], scalars[1], bytes(32)]

    def entropy(size: int) -> bytes:
        assert len(drawn[0]) == size
        return drawn.pop(0)

    asking, body = ask(TEXT, DOG, stretch=stretch, entropy=entropy)
    assert body == Body(Kind.QUESTION, TEXT, details=Question(nonce, first))
    assert isinstance(body.details, Question)
    _, body = reply(TEXT, body.details, DOG, used=(), stretch=stretch, entropy=entropy)
    tag = hmac.digest(isk, b"ask-reply", "sha512")[:32]
    assert body.details == QuestionReply(nonce, second, tag)
    equal, body = conclude(asking, body.details, entropy=entropy)
    assert equal
    tag = hmac.digest(isk, b"ask-outcome", "sha512")[:32]
    assert body.details == QuestionOutcome(nonce, tag)


@given(answers, answers)
def test_both_learn_the_same_and_it_is_whether_the_answers_are_equal(
    ours: CanonicalAnswer, theirs: CanonicalAnswer
) -> None:
    asking, question = asked(ours)
    answering, answered = replied(question, theirs)
    equal, outcome = concluded(asking, answered)
    assert equal == (ours == theirs)
    assert learn(answering, outcome) == equal


def test_the_same_answer_typed_in_another_way_is_equal() -> None:
    asking, question = asked(canonical("Rover 7"))
    _, answered = replied(question, canonical("ROVER-７"))  # noqa: RUF001 - a full-width digit
    assert concluded(asking, answered)[0]


def test_with_the_real_stretch_equal_answers_are_equal() -> None:
    asking, body = ask(TEXT, DOG, stretch=argon2id, entropy=os.urandom)
    assert isinstance(body.details, Question)
    answering, body = reply(TEXT, body.details, DOG, used=(), stretch=argon2id, entropy=os.urandom)
    assert isinstance(body.details, QuestionReply)
    equal, outcome = concluded(asking, body.details)
    assert equal
    assert learn(answering, outcome)


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(st.sampled_from(["question share", "reply share", "reply tag", "text"]), st.integers(0, 255))
def test_a_tampered_question_or_reply_is_not_equal_for_both(what: str, bit: int) -> None:
    asking, question = asked()
    seen, text = question, TEXT
    if what == "question share":
        seen = replace(question, share=Share(flipped(question.share, bit)))
    if what == "text":
        text = TEXT + " "
    answering, answered = replied(seen, text=text)
    if what == "reply share":
        answered = replace(answered, share=Share(flipped(answered.share, bit)))
    if what == "reply tag":
        answered = replace(answered, tag=flipped(answered.tag, bit))
    equal, outcome = concluded(asking, answered)
    assert not equal
    assert not learn(answering, outcome)


@given(st.integers(0, 255))
def test_a_tampered_outcome_is_not_equal(bit: int) -> None:
    asking, question = asked()
    answering, answered = replied(question)
    _, outcome = concluded(asking, answered)
    assert not learn(answering, replace(outcome, tag=flipped(outcome.tag, bit)))


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_a_share_of_low_order_is_not_equal_on_either_side(point: Share) -> None:
    asking, question = asked()
    answering, answered = replied(replace(question, share=point))
    assert not concluded(asking, answered)[0]
    equal, outcome = concluded(asking, replace(answered, share=point))
    assert not equal
    assert not learn(answering, outcome)


def test_the_reply_to_a_share_of_low_order_has_another_tag_each_time() -> None:
    _, question = asked()
    weak = replace(question, share=LOW_ORDER[0])
    assert len({replied(weak)[1].tag for _ in range(8)}) == 8


def test_our_own_share_sent_back_is_not_equal() -> None:
    scalar = new_scalar(os.urandom)
    drawn = [b"n" * 16, scalar]
    asking, body = ask(TEXT, DOG, stretch=stretch, entropy=lambda _: drawn.pop(0))
    assert isinstance(body.details, Question)
    # Whoever had our scalar could make the right tag for our own share; it is refused all the same.
    drawn = [scalar]
    _, body = reply(
        TEXT, body.details, DOG, used=(), stretch=stretch, entropy=lambda _: drawn.pop(0)
    )
    assert isinstance(body.details, QuestionReply)
    assert body.details.share == asking.share
    equal, _ = concluded(asking, body.details)
    assert not equal


def test_our_own_question_sent_back_is_never_answered() -> None:
    asking, question = asked()
    with pytest.raises(LocalError):
        reply(TEXT, question, DOG, used={asking.nonce}, stretch=stretch, entropy=os.urandom)


def test_a_question_is_answered_once() -> None:
    _, question = asked()
    answering, _ = replied(question)
    with pytest.raises(LocalError):
        reply(TEXT, question, CAT, used={answering.nonce}, stretch=stretch, entropy=os.urandom)


def test_messages_of_one_question_are_refused_for_another() -> None:
    asking, question = asked()
    answering, answered = replied(question)
    other_asking, other_question = asked()
    other_answering, _ = replied(other_question)
    _, outcome = concluded(asking, answered)
    with pytest.raises(LocalError):
        conclude(other_asking, answered, entropy=os.urandom)
    with pytest.raises(LocalError):
        learn(other_answering, outcome)
    assert learn(answering, outcome)


def test_messages_replayed_under_the_nonce_of_another_question_are_not_equal() -> None:
    asking, question = asked()
    answering, answered = replied(question)
    other_asking, other_question = asked()
    other_answering, _ = replied(other_question)
    nonce = other_question.nonce
    assert not concluded(other_asking, replace(answered, nonce=nonce))[0]
    _, outcome = concluded(asking, answered)
    assert learn(answering, outcome)
    assert not learn(other_answering, replace(outcome, nonce=nonce))


def test_the_tag_of_a_reply_is_no_tag_of_an_outcome() -> None:
    asking, question = asked()
    answering, answered = replied(question)
    _, outcome = concluded(asking, answered)
    assert not learn(answering, replace(outcome, tag=answered.tag))
    assert not concluded(asking, replace(answered, tag=outcome.tag))[0]


# A wrong answer learns nothing more


def test_the_outcome_of_a_wrong_answer_is_fresh_randomness_and_nothing_else() -> None:
    asking, question = asked()
    _, answered = replied(question, CAT)
    equal, body = conclude(asking, answered, entropy=lambda size: b"r" * size)
    assert not equal
    assert outcome_in(body).tag == b"r" * 32


def test_the_tags_of_two_wrong_answers_and_of_the_right_one_are_unrelated() -> None:
    _, question = asked()
    # The scalar is the same each time, so that nothing but the answer makes the difference.
    made = [
        reply(TEXT, question, answer, used=(), stretch=stretch, entropy=lambda size: b"f" * size)
        for answer in (DOG, CAT, COW)
    ]
    tags = {state.equal_tag for state, _ in made}
    for _, body in made:
        assert isinstance(body.details, QuestionReply)
        tags.add(body.details.tag)
    assert len(tags) == 6
    for one in tags:
        for other in tags - {one}:
            apart = (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
            assert apart > 70, "256 bits drawn twice differ in 128, give or take 8"


def test_what_is_stretched_is_the_answer_alone_under_a_salt_of_this_question() -> None:
    seen: list[tuple[bytes, bytes]] = []

    def watched(secret: bytes, salt: bytes) -> bytes:
        seen.append((secret, salt))
        return stretch(secret, salt)

    for _ in range(2):
        ask(TEXT, DOG, stretch=watched, entropy=os.urandom)
    (one, salt), (two, other_salt) = seen
    assert one == two == DOG
    assert salt != other_salt


def test_no_state_holds_an_answer_or_what_was_stretched_from_it() -> None:
    made: list[bytes] = []

    def watched(secret: bytes, salt: bytes) -> bytes:
        made.extend([secret, stretch(secret, salt)])
        return made[-1]

    asking, body = ask(TEXT, DOG, stretch=watched, entropy=os.urandom)
    assert isinstance(body.details, Question)
    answering, _ = reply(TEXT, body.details, DOG, used=(), stretch=watched, entropy=os.urandom)
    assert len(made) == 4
    for state in (asking, answering):
        assert holds(state, state.nonce)
        assert not any(holds(state, secret) for secret in made)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", Reason.EMPTY), ("x" * 201, Reason.TOO_LONG), ("\ud800", Reason.ENCODING)],
    ids=["nothing", "201 characters", "a surrogate"],
)
def test_a_question_that_cannot_be_put_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        ask(text, DOG, stretch=stretch, entropy=os.urandom)
    assert refused.value.reason is reason
