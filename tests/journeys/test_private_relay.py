"""A private relay: with its pass two people meet there, without it all is refused."""

from dataclasses import dataclass
from pathlib import Path

from tests.journeys.actors import Device, Relay, World
from tests.journeys.test_meeting import LETTER, NORTH, SOUTH

PASS = "m4de-up~pass=="  # noqa: S105 (of nobody)


@dataclass
class Admitted(Device):
    """A device whose person was given passes."""

    passes: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The file of passes is named; no pass stands in the environment."""
        return super().environment | ({"OJAK_PASSES": str(self.passes)} if self.passes else {})


def test_two_people_with_the_pass_meet_at_a_private_relay_and_others_are_refused(
    people: World, tmp_path: Path
) -> None:
    at_the_relay, of_people = tmp_path / "pass", tmp_path / "passes"
    at_the_relay.write_text(PASS + "\n")
    relay = Relay(tmp_path / "private", options=("--pass-file", str(at_the_relay)))
    people.relays.append(relay)
    relay.start()
    of_people.write_text(f"https://other.example elsewhere\n{relay.url} {PASS}\n")
    host = Admitted(tmp_path / "host", relay.url, passes=of_people)
    phone = Admitted(tmp_path / "phone", relay.url, passphrase=None, passes=of_people)
    stranger = people.borrowed("stranger", relay.url)
    people.devices += [host, phone]
    number = host.invite("어머니", SOUTH)
    host.send("어머니", LETTER)
    host.keep()
    refused = stranger.meet(number, NORTH)
    assert (refused.code, "refused" in refused.said) == (14, True)
    visit = phone.meet(number, NORTH)
    assert (visit.code, visit.letters) == (0, [LETTER])
    assert PASS not in str(visit) + str(refused)
