"""How many bits three answers cost a slight acquaintance to guess: low on purpose.

The number decides what a person is warned about, so it must rather be too low than too high. A
text costs as much as the cheapest way to put it together: commonly chosen words at the small
price of their category, years and days of the year, and everything else character by character,
where a character that repeats, or follows its neighbour in order, is free.

What this is not. It is no measurement: the prices are set by hand, well below what counts of
Korean words would give, and no field data stands behind them. It knows nothing of the family: a
nickname that the whole village knows looks as hard here as one that nobody knows, and nothing
here sees that two answers tell one story. The lists are short and hold what anyone would try
first. A high number therefore promises nothing; a low number is a good reason to ask for better
questions.

Source: docs/protocol.md, "Estimate".
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from ojak_protocol.answers import Answers, CanonicalAnswer, canonical
from ojak_protocol.values import dataclass

WARNING_BELOW_BITS: Final = 20
"""Below this the person is warned."""

GREETING_BELOW_BITS: Final = 25
"""Below this letters wait for the reply, and the first box is only a greeting."""

MOST_BITS_OF_ONE_ANSWER: Final = 14.0
"""However long one answer is, the two others must count too."""


@dataclass(frozen=True, slots=True)
class Category:
    """Words that anyone would try first, spaces between them, and the most bits one may cost."""

    bits: float
    words: str


SURNAMES: Final = Category(1.5, "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 홍")
"""Cheap at the beginning of an answer only: most of them are common syllables too."""

CATEGORIES: Final = {
    "sequence": Category(1.0, "가나다라마바사 abcdefg qwerty 암호 비밀 사랑"),
    "family": Category(
        2.0,
        "어머니 엄마 아버지 아빠 할머니 할아버지 오빠 언니 누나 형 동생 아들 딸 이모 삼촌 고모 "
        "奶奶 妈妈 爸爸 爷爷",
    ),
    "food": Category(
        2.0,
        "김치 냉면 감자 옥수수 강냉이 두부 국수 떡 떡국 송편 만두 비빔밥 불고기 된장 김치찌개 "
        "된장찌개 미역국 순대 명태 고추장 쌀밥 라면 사과 고구마 두부밥",
    ),
    "animal": Category(
        2.5,
        "개 강아지 고양이 소 송아지 돼지 닭 병아리 토끼 염소 양 오리 호랑이 곰 까치 쥐 "
        "바둑이 누렁이 흰둥이 검둥이 복실이",
    ),
    "place": Category(
        3.0,
        "평양 신의주 혜산 청진 함흥 원산 회령 무산 온성 남포 개성 해주 사리원 강계 라선 단천 "
        "길주 량강도 자강도 함경북도 함경남도 두만강 압록강 백두산 서울 부산 연길 심양 단동 延吉",
    ),
    "given name": Category(
        4.0,
        "영희 철수 영수 순희 정희 영숙 순자 영자 성호 영철 미영 은주 금희 은희 명철 철호 광호 "
        "영호 성철 금철 순이 옥순 정숙 명희 혜숙 영미 小明",
    ),
}

_YEAR_BITS: Final = 5.0
_DAY_BITS: Final = 6.0


def estimate_bits(answers: Answers) -> float:
    """Return how many bits the three answers cost to guess together, 0.0 to 42.0.

    Two foods are not twice as hard as one: within a category each further answer counts half of
    the one before. An answer that stands inside another one counts nothing.
    """
    texts = [answer.decode() for answer in (answers.first, answers.second, answers.third)]
    by_category: dict[str, list[float]] = {}
    for position, text in enumerate(texts):
        others = texts[:position] + texts[position + 1 :]
        if not any(text in other for other in others):
            category = _categories().get(text, text)
            by_category.setdefault(category, []).append(_bits(text))
    return sum(
        bits / (1 << rank)
        for alike in by_category.values()
        for rank, bits in enumerate(sorted(alike, reverse=True))
    )


def answer_bits(answer: CanonicalAnswer) -> float:
    """Return how many bits one answer costs to guess, 0.0 to 14.0.

    A form with something added at its end is never easier; a listed word never costs more
    than its category.
    """
    return _bits(answer.decode())


def _bits(text: str) -> float:
    prices = list(_character_prices(text))
    cheapest = [0.0]
    for end in range(1, len(text) + 1):
        ways = [cheapest[-1] + prices[end - 1]]
        ways += [
            cheapest[start] + price
            for start in range(end)
            if (price := _price_of(text, start, end)) is not None
        ]
        cheapest.append(min(ways))
    return min(cheapest[-1], MOST_BITS_OF_ONE_ANSWER)


def _price_of(text: str, start: int, end: int) -> float | None:
    """Return the price of a listed word that is this part of the text."""
    part = text[start:end]
    if start == 0 and part in _surnames():
        return SURNAMES.bits
    # The beginning of a listed word, at the end of a text, costs no more than the word: so a
    # text never becomes easier by going on.
    return _beginnings().get(part) if end == len(text) else _words().get(part)


def _character_prices(text: str) -> Iterator[float]:
    paid: set[str] = set()
    before = -1
    for character in text:
        in_order = abs(ord(character) - before) == 1
        yield 0.0 if in_order or character in paid else _price_of_script(character)
        paid.add(character)
        before = ord(character)


def _price_of_script(character: str) -> float:
    if character == "々":  # "the same character again"
        return 0.0
    if character in "0123456789":
        return 2.0
    return 1.0 if ord(character) < 0x3000 else 3.0


def _folded(word: str) -> str:
    return canonical(word).decode()


@cache
def _surnames() -> frozenset[str]:
    return frozenset(map(_folded, SURNAMES.words.split()))


@cache
def _categories() -> dict[str, str]:
    words = {
        _folded(word): name
        for name, category in CATEGORIES.items()
        for word in category.words.split()
    }
    return words | dict.fromkeys(_years(), "year") | dict.fromkeys(_days(), "day")


@cache
def _words() -> dict[str, float]:
    prices = {name: category.bits for name, category in CATEGORIES.items()}
    prices |= {"year": _YEAR_BITS, "day": _DAY_BITS}
    return {word: prices[name] for word, name in _categories().items()}


@cache
def _beginnings() -> dict[str, float]:
    cheapest: dict[str, float] = {}
    for word, bits in _words().items():
        for end in range(1, len(word) + 1):
            beginning = word[:end]
            cheapest[beginning] = min(bits, cheapest.get(beginning, bits))
    return cheapest


def _years() -> list[str]:
    return [str(year) for year in range(1900, 2050)]


def _days() -> list[str]:
    return [f"{month:02d}{day:02d}" for month in range(1, 13) for day in range(1, 32)]
