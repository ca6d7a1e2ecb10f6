"""Three people: one host with two guests, and one guest of two hosts, each in one vault."""

from tests.journeys.actors import Device, World
from tests.journeys.children import Ended

OF_MOTHER = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
OF_BROTHER = ("뒷산 너럭바위", "왕벌에 쏘인 날", "흰둥이 새끼")
OF_MOTHER_AND_BROTHER = ("우물 옆 돌배", "지붕 위 고무신", "둘째 이모 노래")
MOTHER, BROTHER, DAUGHTER, SON = "어머니", "오빠", "딸", "아들"


def meet(host: Device, guest: Device, names: tuple[str, str], answers: tuple[str, ...]) -> None:
    """Host and guest meet under what each calls the other, and both keep it."""
    theirs, ours = names
    number = host.invite(theirs, answers)
    keeping = host.keep()
    assert guest.meet(number, answers, "--own", ours).code == 0
    assert keeping.until("guest-confirmed")["name"] == theirs
    assert keeping.stop().code == 0


def left(ended: Ended) -> bool:
    return (ended.code, ended.said[-1]) == (0, "left")


def test_a_family_of_three_writes_and_forgets_without_touching_the_others(people: World) -> None:
    relay = people.relay()
    daughter, mother, brother = (
        people.own(name, relay.url) for name in ("daughter", "mother", "brother")
    )
    meet(daughter, mother, (MOTHER, DAUGHTER), OF_MOTHER)
    meet(daughter, brother, (BROTHER, "동생"), OF_BROTHER)
    meet(brother, mother, (MOTHER, SON), OF_MOTHER_AND_BROTHER)

    assert left(daughter.send(MOTHER, "딸이 어머니에게"))
    assert left(daughter.send(MOTHER, "잘못 쓴 편지"))
    assert left(daughter.send(BROTHER, "동생이 오빠에게"))
    # One letter asked back leaves the others where they are.
    number = max(
        event["letter"]
        for event in daughter.status()
        if event["event"] == "letter-at-relay" and event["name"] == MOTHER
    )
    assert daughter.run("recall", MOTHER, str(number)).said[-1] == "asked-back"
    assert left(brother.send(MOTHER, "아들이 어머니에게"))
    assert mother.run("sync").code == 0
    read = [(event["name"], event["text"]) for event in mother.read().events]
    assert read == [(DAUGHTER, "딸이 어머니에게"), (SON, "아들이 어머니에게")]

    # One who is forgotten leaves the other; neither of them is told.
    assert mother.run("--yes", "forget", DAUGHTER).said[0] == "forgotten"
    assert [event["name"] for event in mother.run("contacts").events] == [SON]
    assert left(daughter.send(MOTHER, "아무도 읽지 않을 편지"))
    assert left(mother.send(SON, "나는 잘 있다"))
    assert mother.run("sync").code == 10
    assert {"new-letter", "collected"} <= set(brother.run("sync").said)
    read = [(event["name"], event["text"]) for event in brother.read().events]
    assert read == [("동생", "동생이 오빠에게"), (MOTHER, "나는 잘 있다")]
