"""How the process of `ojak` ends: at once, but not before what must be put back is put back."""

from pathlib import Path

from ojak_client.profile import Contact
from tests.client.devices import Device
from tests.client.persons import NAME, RELAY
from tests.client.sitting import sit_down


def test_whoever_typed_a_passphrase_sees_what_they_type_once_the_command_has_ended(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path / "profile")
    device.keep_contact(Contact(NAME, RELAY))
    with sit_down(device, "status") as sitting:
        assert sitting.end() == 0
    assert NAME in sitting.raw
    assert sitting.shows_keys
