"""Two people, and between them two relays over one Valkey, of which one is killed."""

from tests.journeys.actors import World
from tests.relay.balancer import balanced
from tests.relay.sharing import relays
from tests.relay.valkeys import valkeys

ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")


def test_two_people_meet_and_write_through_two_relays_of_which_one_dies(people: World) -> None:
    with (
        valkeys() as servers,
        relays(servers) as both,
        balanced([relay.port for relay in both]) as port,
    ):
        address = f"http://127.0.0.1:{port}"
        daughter, mother = (people.own(name, address) for name in ("daughter", "mother"))
        number = daughter.invite("어머니", ANSWERS)
        keeping = daughter.keep()
        assert mother.meet(number, ANSWERS, "--own", "딸").code == 0
        assert keeping.until("guest-confirmed")["name"] == "어머니"
        assert daughter.send("어머니", "첫 편지").said[-1] == "left"
        both[0].kill()
        assert daughter.send("어머니", "두째 편지").said[-1] == "left"
        assert mother.run("sync").code == 0
        assert [event["text"] for event in mother.read().events] == ["첫 편지", "두째 편지"]
        assert keeping.stop().code == 0
