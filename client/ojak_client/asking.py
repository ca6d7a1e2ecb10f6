"""The meeting's own questions: three answers, what they are worth, what they are stretched to."""

from dataclasses import dataclass

from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_protocol.answers import answers_of, understood
from ojak_protocol.estimate import estimate_bits
from ojak_protocol.hidden import Hidden
from ojak_protocol.number import Number
from ojak_protocol.stretch import Prs, Seed, answers_prs, argon2id, number_seed


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
) -> Stretched:
    """Ask for the three answers and return what they are stretched to, about half a second later.

    Raises:
        Refused: an answer cannot be used, or two are the same.
        Failure: nobody can be asked.
    """
    prompts = [_prompt(n, questions) for n in (1, 2, 3)]
    typed = invocation.inputs.answers(prompts, answers_fd, understood)
    try:
        first, second, third = (secret.text() for secret in typed)
        answers = answers_of(first, second, third)
    finally:
        for secret in typed:
            secret.wipe()
    seed = number_seed(number, argon2id)
    return Stretched(
        seed, answers_prs(seed, set_number, answers, argon2id), int(estimate_bits(answers))
    )


def _prompt(n: int, questions: tuple[str, ...]) -> str:
    if n <= len(questions):
        return told(Message.ASK_ANSWER_TO, n=n, question=questions[n - 1])
    return told(Message.ASK_ANSWER, n=n)
