"""Two people go to another relay, and back from one that does not answer."""

from tests.journeys.actors import World
from tests.journeys.test_own_device import DAUGHTER, MOTHER, meet

NOBODY = "http://127.0.0.1:2"
"""Where no relay is: nothing listens there but what root started."""


def test_a_relay_that_does_not_answer_is_gone_to_only_after_a_yes(people: World) -> None:
    daughter, _ = meet(people, people.relay().url)
    asked = daughter.run("relay", MOTHER, NOBODY)
    assert (asked.code, asked.said) == (2, ["relay-unanswered", "needs-option"])
    assert daughter.send(MOTHER, "아직 여기").said == ["left"]
    assert daughter.run("status").code == 0
    assert daughter.run("relay", MOTHER, NOBODY, "--yes").said == [
        "relay-unanswered",
        "move-told",
        "slip-changed",
    ]


def test_a_relay_that_answers_is_gone_to_unasked(people: World) -> None:
    daughter, mother = meet(people, people.relay().url)
    new = people.relay()
    assert daughter.run("relay", MOTHER, new.url).said == ["move-told", "slip-changed"]
    daughter.run("sync")
    mother.run("sync")
    assert mother.read("--yes").said[-1] == "relay-changed"
    assert mother.send(DAUGHTER, "새 길로").said == ["left"]
    assert "new-letter" in daughter.run("sync").said
    assert daughter.read().letters == ["새 길로"]


def test_two_people_come_back_from_a_relay_that_one_of_them_does_not_reach(people: World) -> None:
    old, new = people.relay(), people.relay()
    daughter, mother = meet(people, old.url)
    daughter.run("relay", MOTHER, new.url)
    daughter.run("sync")
    mother.run("sync")
    assert mother.read("--yes").said[-1] == "relay-changed"
    new.stop()
    assert mother.send(DAUGHTER, "들립니까").code == 13
    assert mother.run("relay", DAUGHTER, old.url).said == ["back-and-told"]
    mother.run("sync")
    # What she wrote before lies at the old relay too now, with word of where she is.
    assert daughter.run("sync").said.count("new-letter") == 2
    read = daughter.read("--yes")
    assert read.letters == ["들립니까"]
    assert read.said[-1] == "relay-changed"
    assert daughter.send(MOTHER, "예, 들려요").said == ["left"]
    mother.run("sync")
    assert mother.read().letters == ["예, 들려요"]
    assert mother.send(DAUGHTER, "다행이다").said == ["left"]
    daughter.run("sync")
    assert daughter.read().letters == ["다행이다"]
