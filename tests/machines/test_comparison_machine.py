"""Questions between two devices that die, over letters that come twice or back: right or none.

The letters go without a conversation around them, which would take each only once: a comparison
must be right by itself.
"""

import hashlib
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ojak_protocol import comparison
from ojak_protocol.answers import CanonicalAnswer, canonical
from ojak_protocol.comparison import Asked, Replied
from ojak_protocol.details import Question, QuestionOutcome, QuestionReply
from ojak_protocol.errors import LocalError
from ojak_protocol.letters import Body, decode_body, encode_body
from tests.machines.world import Device, lasting
from tests.people import ENTROPY

ANSWERS = [canonical("바둑이"), canonical("고양이")]
names = st.sampled_from(["host", "guest"])
answers = st.sampled_from(ANSWERS)
numbers = st.integers(0, 1000)


def stretch(secret: bytes, salt: bytes) -> bytes:
    """As unlike for unlike inputs as Argon2id, and fast."""
    return hashlib.sha256(salt + secret).digest()


@dataclass(frozen=True)
class Side:
    """What one device keeps of its questions, as `comparison` asks of its caller."""

    used: frozenset[bytes] = frozenset()
    """Every nonce that was asked with or answered."""
    asked: dict[bytes, Asked] = field(default_factory=dict)
    replied: dict[bytes, Replied] = field(default_factory=dict)
    found: dict[bytes, bool] = field(default_factory=dict)
    """Whether the answers were equal, by the nonce of the question."""
    typed: dict[bytes, CanonicalAnswer] = field(default_factory=dict)
    """What the person answered; kept by this test alone."""
    outbox: tuple[bytes, ...] = ()

    def with_letter(self, body: Body) -> "Side":
        """The side with one letter more to send."""
        return replace(self, outbox=(*self.outbox, encode_body(body)))


def asked(side: Side, text: str, answer: CanonicalAnswer) -> Side:
    """The side after its person asked."""
    keeps, body = comparison.ask(text, answer, stretch=stretch, entropy=ENTROPY)
    return replace(
        side.with_letter(body),
        used=side.used | {keeps.nonce},
        asked=side.asked | {keeps.nonce: keeps},
        typed=side.typed | {keeps.nonce: answer},
    )


def answered(side: Side, text: str, question: Question, answer: CanonicalAnswer) -> Side:
    """The side after its person answered, or the same if that is not allowed."""
    try:
        keeps, body = comparison.reply(
            text, question, answer, used=side.used, stretch=stretch, entropy=ENTROPY
        )
    except LocalError:
        return side
    return replace(
        side.with_letter(body),
        used=side.used | {keeps.nonce},
        replied=side.replied | {keeps.nonce: keeps},
        typed=side.typed | {keeps.nonce: answer},
    )


def concluded(side: Side, reply: QuestionReply) -> Side:
    """The side after a reply came."""
    if reply.nonce not in side.asked:
        return side
    equal, body = comparison.conclude(side.asked[reply.nonce], reply, entropy=ENTROPY)
    return replace(
        side.with_letter(body),
        asked={nonce: one for nonce, one in side.asked.items() if nonce != reply.nonce},
        found=side.found | {reply.nonce: equal},
    )


def learnt(side: Side, outcome: QuestionOutcome) -> Side:
    """The side after an outcome came."""
    if outcome.nonce not in side.replied:
        return side
    equal = comparison.learn(side.replied[outcome.nonce], outcome)
    return replace(
        side,
        replied={nonce: one for nonce, one in side.replied.items() if nonce != outcome.nonce},
        found=side.found | {outcome.nonce: equal},
    )


class ComparisonMachine(RuleBasedStateMachine):
    """Everything that may happen to questions between two honest people."""

    def __init__(self) -> None:
        super().__init__()
        self.devices = {"host": Device(Side()), "guest": Device(Side())}
        self.sent: list[bytes] = []
        self.questions = 0

    @rule(who=names, answer=answers)
    def somebody_asks(self, who: str, answer: CanonicalAnswer) -> None:
        self.questions += 1
        device = self.devices[who]
        device.becomes(asked(device.state, f"question {self.questions}", answer))

    @rule(who=names)
    def somebody_sends(self, who: str) -> None:
        device = self.devices[who]
        device.sends()
        self.sent += [letter for letter in device.state.outbox if letter not in self.sent]

    @rule(who=names, number=numbers, answer=answers)
    def a_letter_comes(self, who: str, number: int, answer: CanonicalAnswer) -> None:
        """Any letter ever sent: in whatever order, again, or back to who sent it."""
        if self.sent:
            self.comes(who, self.sent[number % len(self.sent)], answer)

    @rule(who=names, answer=answers)
    def all_letters_come_again(self, who: str, answer: CanonicalAnswer) -> None:
        for letter in self.sent:
            self.comes(who, letter, answer)

    @rule(who=names, number=numbers)
    def a_device_dies_and_starts_again(self, who: str, number: int) -> None:
        self.devices[who].dies(number)

    def comes(self, who: str, letter: bytes, answer: CanonicalAnswer) -> None:
        device, body = self.devices[who], decode_body(letter)
        match body.details:
            case Question() as question:
                device.becomes(answered(device.state, body.text, question, answer))
            case QuestionReply() as reply:
                device.becomes(concluded(device.state, reply))
            case QuestionOutcome() as outcome:
                device.becomes(learnt(device.state, outcome))
            case _:
                raise AssertionError

    # What holds

    @invariant()
    def what_is_found_is_right(self) -> None:
        for one, other in (("host", "guest"), ("guest", "host")):
            ours, theirs = self.devices[one].state, self.devices[other].state
            for nonce, equal in ours.found.items():
                assert equal == (ours.typed[nonce] == theirs.typed[nonce])

    @invariant()
    def each_question_is_put_answered_and_concluded_once_on_the_wire(self) -> None:
        made = [
            (type(body.details), getattr(body.details, "nonce", b""))
            for body in map(decode_body, self.sent)
        ]
        assert len(made) == len(set(made))

    @invariant()
    def an_answer_is_given_to_the_other_sides_question_alone(self) -> None:
        for device in self.devices.values():
            side = device.state
            assert not set(side.asked) & set(side.replied)
            assert set(side.asked) | set(side.replied) | set(side.found) == side.used

    @invariant()
    def what_was_asked_or_told_is_erased_with_what_was_found(self) -> None:
        for device in self.devices.values():
            assert not set(device.state.found) & {*device.state.asked, *device.state.replied}

    def teardown(self) -> None:
        """When all letters come at last, both have found every question's outcome."""
        for _ in range(3):
            for who in ("host", "guest", "host", "guest"):
                self.somebody_sends(who)
                self.all_letters_come_again(who, ANSWERS[0])
                self.each_question_is_put_answered_and_concluded_once_on_the_wire()
        self.what_is_found_is_right()
        host, guest = (self.devices[who].state for who in ("host", "guest"))
        assert host.found == guest.found
        assert set(host.found) == host.used == guest.used


TestComparisonMachine = ComparisonMachine.TestCase
TestComparisonMachine.settings = lasting(examples=60, steps=30)
