"""One question inside a conversation: both learn whether their answers are equal, and no more.

    asks      `ask`       question: nonce, Ya             →   answers   `reply`
    asks      `conclude`  ←   reply: nonce, Yb, tag
              equal or not    outcome: nonce, tag         →   answers   `learn`   equal or not

One run of CPace, with the one who asks as initiator:

    PRS = Argon2id(canonical answer, H16("ask-salt", nonce))      sid = H("ask", nonce)
    CI  = lv("ojak-1", "ask", form name)      ADa = lv(question)      ADb = nonce
    tag of the reply = MAC(ISK, "ask-reply")       tag of the outcome = MAC(ISK, "ask-outcome")

Each side gets one guess at the other's answer for each question that the other's person answers.
Where the answers differ both keys are random to the other side, so its tag tells it nothing; the
one who asks then sends random bytes as outcome. A share of low order, or our own sent back, is a
wrong answer like any other.

Source: docs/protocol.md, "Questions between two"; draft-irtf-cfrg-cpace-21.
"""

import hmac
from collections.abc import Container

from ojak_protocol import cpace
from ojak_protocol.answers import FORM_NAME, CanonicalAnswer
from ojak_protocol.cpace import ISK_BYTES, Isk, Scalar, Share
from ojak_protocol.details import (
    ASK_NONCE_BYTES,
    Question,
    QuestionOutcome,
    QuestionReply,
    check_question,
)
from ojak_protocol.errors import LocalError, RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.labels import H_ASK, H_ASK_SALT, MAC_ASK_OUTCOME, MAC_ASK_REPLY, SUITE_NAME
from ojak_protocol.letters import Body, Kind
from ojak_protocol.primitives import KEY_BYTES, Entropy, blake2b, lv, mac
from ojak_protocol.stretch import SALT_BYTES, Stretch
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Asked(Hidden):
    """What the one who asked keeps until the reply; whoever has it can try answers offline."""

    nonce: bytes
    question: str
    scalar: Scalar
    share: Share


@dataclass(frozen=True, slots=True, repr=False)
class Replied(Hidden):
    """What the one who answered keeps until the outcome; no answer can be tried with it alone."""

    nonce: bytes
    equal_tag: bytes
    """The tag of an outcome that says "equal"."""


def ask(
    question: str, answer: CanonicalAnswer, *, stretch: Stretch, entropy: Entropy
) -> tuple[Asked, Body]:
    """Return what to keep and the letter that puts *question*.

    Args:
        question: 1 to 200 characters, shown to the other side's person.
        answer: our person's own answer to it, which is not kept.
        stretch: `argon2id`.
        entropy: fresh randomness.

    Raises:
        Refused: *question* is empty, too long, or not in UTF-8.
    """
    check_question(question)
    nonce, scalar = entropy(ASK_NONCE_BYTES), cpace.new_scalar(entropy)
    share = _share(nonce, answer, scalar, stretch)
    body = Body(Kind.QUESTION, question, details=Question(nonce, share))
    return Asked(nonce, question, scalar, share), body


def reply(
    text: str,
    question: Question,
    answer: CanonicalAnswer,
    *,
    used: Container[bytes],
    stretch: Stretch,
    entropy: Entropy,
) -> tuple[Replied, Body]:
    """Return what to keep and the letter that replies to a question of the other side.

    A nonce is answered once and never again, or the other side would have two guesses at one
    answer. A nonce that we asked with ourselves is never answered at all: the other side could send
    our question back, have our person answer it, and give that as its own reply. The caller keeps
    the nonces of both for as long as the conversation lives, and writes this one down before the
    reply is sent.

    Args:
        text: the question, as it stood in the letter.
        question: the details of that letter.
        answer: our person's answer, which is not kept.
        used: every nonce of this conversation that was answered or asked with.
        stretch: `argon2id`.
        entropy: fresh randomness.

    Raises:
        LocalError: the nonce of *question* is in *used*.
    """
    if question.nonce in used:
        raise LocalError("a question is answered once, and never our own")
    scalar = cpace.new_scalar(entropy)
    share = _share(question.nonce, answer, scalar, stretch)
    try:
        isk = _session_key(scalar, question.share, question.nonce, text, question.share, share)
    except RemoteError:
        # A key that nobody has: what follows looks like a wrong answer.
        isk = Isk(entropy(ISK_BYTES))
    reply_tag, equal_tag = _tags(isk)
    body = Body(Kind.REPLY, details=QuestionReply(question.nonce, share, reply_tag))
    return Replied(question.nonce, equal_tag), body


def conclude(asked: Asked, answered: QuestionReply, *, entropy: Entropy) -> tuple[bool, Body]:
    """Return whether the answers are equal, and the letter that lets the other side know.

    *asked* is to be erased with the same write that records the outcome: concluding a second reply
    would give the other side a second guess.

    Raises:
        LocalError: *answered* replies to another question.
    """
    if answered.nonce != asked.nonce:
        raise LocalError("a reply belongs to the question with its nonce")
    reply_tag, equal_tag = _tags(_asker_key(asked, answered.share, entropy))
    equal = hmac.compare_digest(reply_tag, answered.tag)
    # Drawn in either case. The tag of our key would tell one who guessed wrongly no more, but
    # bytes made from nothing cannot.
    blind = entropy(KEY_BYTES)
    details = QuestionOutcome(asked.nonce, equal_tag if equal else blind)
    return equal, Body(Kind.OUTCOME, details=details)


def learn(replied: Replied, outcome: QuestionOutcome) -> bool:
    """Return whether the answers are equal, as the one who asked has found.

    The one who asked cannot make this say "equal" without having given the same answer, but can
    make equal answers look different.

    Raises:
        LocalError: *outcome* is that of another question.
    """
    if outcome.nonce != replied.nonce:
        raise LocalError("an outcome belongs to the question with its nonce")
    return hmac.compare_digest(replied.equal_tag, outcome.tag)


def _share(nonce: bytes, answer: CanonicalAnswer, scalar: Scalar, stretch: Stretch) -> Share:
    prs = stretch(answer, blake2b(H_ASK_SALT, nonce, size=SALT_BYTES))
    return cpace.share(prs, lv(SUITE_NAME, b"ask", FORM_NAME), _sid(nonce), scalar)


def _sid(nonce: bytes) -> bytes:
    return blake2b(H_ASK, nonce)


def _asker_key(asked: Asked, their_share: Share, entropy: Entropy) -> Isk:
    if their_share == asked.share:
        return Isk(entropy(ISK_BYTES))
    try:
        return _session_key(
            asked.scalar, their_share, asked.nonce, asked.question, asked.share, their_share
        )
    except RemoteError:
        return Isk(entropy(ISK_BYTES))


def _session_key(
    scalar: Scalar, theirs: Share, nonce: bytes, question: str, initiator: Share, responder: Share
) -> Isk:
    return cpace.session_key(
        scalar,
        theirs,
        sid=_sid(nonce),
        initiator_share=initiator,
        initiator_data=lv(question.encode()),
        responder_share=responder,
        responder_data=nonce,
    )


def _tags(isk: Isk) -> tuple[bytes, bytes]:
    """Return the tag of a reply and the tag of an outcome that says "equal"."""
    return mac(isk, MAC_ASK_REPLY), mac(isk, MAC_ASK_OUTCOME)
