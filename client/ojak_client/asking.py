"""The meeting's own questions: three answers, what they are worth, what they are stretched to."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ojak_client.failures import Failure
from ojak_client.i18n import Text, told
from ojak_client.inputs import FitTogether
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.profile import QuestionSet
from ojak_protocol.alarm import with_alarm_word
from ojak_protocol.answers import Answers, answers_of, understood
from ojak_protocol.details import MOST_QUESTION_CHARACTERS
from ojak_protocol.estimate import WARNING_BELOW_BITS, estimate_bits
from ojak_protocol.hidden import Hidden
from ojak_protocol.number import Number
from ojak_protocol.stretch import Prs, Seed, answers_prs, argon2id, number_seed
from ojak_protocol.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS: Final = 3
Heard = Callable[[], None]


@dataclass(frozen=True, slots=True, repr=False)
class Stretched(Hidden):
    """What is left of number and answers once both were typed."""

    seed: Seed
    answers: Prs
    bits: int
    """Estimate of what the answers cost a slight acquaintance to guess, rounded down."""


def ask_answers(
    invocation: Invocation,
    number: Number,
    *,
    set_number: int,
    questions: tuple[str, ...],
    answers_fd: int | None,
    about: Text | None = None,
    heard: Heard = lambda: None,
) -> Stretched:
    """Ask for the three answers and return what they are stretched to, about half a second later.

    *about* is what the person should know first; *heard* is called at each answer that was typed,
    whatever becomes of it.

    Raises:
        Refused: an answer cannot be used, or two are the same.
        Failure: nobody can be asked.
    """
    answers = _ask_three(invocation, questions, answers_fd, about, heard)
    return _stretched(number_seed(number, argon2id), set_number, answers)


def ask_set_answers(
    invocation: Invocation,
    seed: Seed,
    *,
    set_number: int,
    questions: tuple[str, ...],
    answers_fd: int | None,
) -> Stretched:
    """Ask for the three answers of a further set at a number that is stretched already.

    Raises:
        Refused, Failure: as `ask_answers`.
    """
    return _stretched(seed, set_number, _ask_three(invocation, questions, answers_fd))


def ask_same_answers(
    invocation: Invocation, known: QuestionSet, number: Number, *, answers_fd: int | None
) -> Stretched:
    """Ask for the three answers of *known* again and stretch them for another number.

    Raises:
        Refused, Failure: as `ask_answers`; these are other answers.
    """
    point = known.point
    answers = _ask_three(invocation, known.questions, answers_fd)
    if answers_prs(point.seed, point.set_number, answers, argon2id) != point.right:
        raise Failure(Message.OTHER_ANSWERS)
    return _stretched(number_seed(number, argon2id), point.set_number, answers)


def ask_alarm_word(invocation: Invocation, known: QuestionSet, *, answers_fd: int | None) -> Prs:
    """Ask for the three answers of *known* and the alarm word; return what the latter makes.

    Raises:
        Refused: an answer or the alarm word cannot be used, two are the same, or the alarm word is
            too near to the last answer, or easier to guess.
        Failure: nobody can be asked, or these are other answers.
    """
    point = known.point
    prompts = [*(_prompt(n, known.questions) for n in (1, 2, 3)), told(Message.ASK_ALARM_WORD)]
    with _typed(
        invocation,
        prompts,
        answers_fd,
        lambda typed: with_alarm_word(*typed),
        wrong_count=Message.FOUR_LINES,
    ) as typed:
        right, alarm = with_alarm_word(*typed)
    if answers_prs(point.seed, point.set_number, right, argon2id) != point.right:
        raise Failure(Message.OTHER_ANSWERS)
    return answers_prs(point.seed, point.set_number, alarm, argon2id)


def ask_questions(invocation: Invocation, given: tuple[str, ...]) -> tuple[str, str, str]:
    """Return the three questions: those *given*, else what is typed.

    Raises:
        Failure: there are not three, one says nothing, or one is too long.
    """
    if not given:
        invocation.output.say(Message.ABOUT_QUESTIONS)
        given = tuple(
            invocation.inputs.line(Message.ASK_QUESTION, option="--question", n=n)
            for n in range(1, QUESTIONS + 1)
        )
    questions = [" ".join(question.split()) for question in given]
    if any(len(question) > MOST_QUESTION_CHARACTERS for question in questions):
        raise Failure(Message.TOO_BIG)
    match questions:
        case [first, second, third] if first and second and third:
            return first, second, third
    raise Failure(Message.THREE_QUESTIONS)


def warn_if_weak(invocation: Invocation, stretched: Stretched) -> None:
    """Return if the answers are hard enough to guess, or are to be used all the same.

    Raises:
        Failure: the person would rather choose others.
    """
    if stretched.bits >= WARNING_BELOW_BITS:
        return
    invocation.output.warn(Message.WEAK_ANSWERS)
    if not invocation.inputs.no_input and not invocation.inputs.confirm(Message.ASK_WEAK_ANSWERS):
        raise Failure(Message.NOT_DONE)


def _ask_three(
    invocation: Invocation,
    questions: tuple[str, ...],
    answers_fd: int | None,
    about: Text | None = None,
    heard: Heard = lambda: None,
) -> Answers:
    prompts = [_prompt(n, questions) for n in (1, 2, 3)]
    with _typed(
        invocation,
        prompts,
        answers_fd,
        lambda typed: answers_of(*typed),
        about=about,
        heard=heard,
    ) as typed:
        return answers_of(*typed)


def _stretched(seed: Seed, set_number: int, answers: Answers) -> Stretched:
    stretched = answers_prs(seed, set_number, answers, argon2id)
    return Stretched(seed, stretched, int(estimate_bits(answers)))


@contextmanager
def _typed(
    invocation: Invocation,
    prompts: Sequence[str],
    answers_fd: int | None,
    fit_together: FitTogether,
    *,
    about: Text | None = None,
    wrong_count: Text = Message.THREE_LINES,
    heard: Heard = lambda: None,
) -> "Iterator[list[str]]":
    """Give what was typed, and overwrite it afterwards as far as it can be."""

    def understand(answer: str) -> str:
        heard()
        return understood(answer)

    typed = invocation.inputs.answers(
        prompts,
        answers_fd,
        understand,
        about=about,
        wrong_count=wrong_count,
        fit_together=fit_together,
    )
    try:
        yield [secret.text() for secret in typed]
    finally:
        for secret in typed:
            secret.wipe()


def _prompt(n: int, questions: tuple[str, ...]) -> str:
    if n <= len(questions):
        return told(Message.ASK_ANSWER_TO, n=n, question=questions[n - 1])
    return told(Message.ASK_ANSWER, n=n)
