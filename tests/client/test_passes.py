"""The passes of private relays: each to its own relay only, and none in a message."""

from pathlib import Path

import pytest

from ojak_client.errors import BadPass
from ojak_client.passes import LIMIT_BYTES, VARIABLE, pass_for
from ojak_client.relay_url import parse_relay_url

HERE = parse_relay_url("https://relay.example/ojak")


def shown(
    folder: Path, text: str | bytes, address: str = "https://relay.example/ojak"
) -> str | None:
    file = folder / "passes"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return pass_for(parse_relay_url(address), {VARIABLE: str(file)})


def test_each_relay_is_shown_its_own_pass_and_no_other(tmp_path: Path) -> None:
    text = "\nhttps://relay.example/ojak  one\r\n\nhttps://relay.example:8443 two"
    assert shown(tmp_path, text) == "one"
    assert shown(tmp_path, text, "https://RELAY.example:443/ojak/") == "one"
    assert shown(tmp_path, text, "https://relay.example:8443") == "two"
    for other in ("https://relay.example", "https://other.example/ojak", "http://localhost/ojak"):
        assert shown(tmp_path, text, other) is None


def test_without_the_variable_there_is_no_pass() -> None:
    assert pass_for(HERE, {}) is None
    assert pass_for(HERE, {VARIABLE: ""}) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://relay.example/ojak",
        "https://relay.example/ojak s3cret more",
        "relay.example s3cret",
        "http://relay.example s3cret",
        b"https://relay.example \xff",
        "x" * (2 * LIMIT_BYTES),
    ],
    ids=map(str, range(6)),
)
def test_a_file_that_cannot_be_used_ends_the_run_and_is_not_repeated(
    tmp_path: Path, text: str | bytes
) -> None:
    with pytest.raises(BadPass) as refused:
        shown(tmp_path, text)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_file_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(BadPass):
        pass_for(HERE, {VARIABLE: str(tmp_path / "missing")})
    with pytest.raises(BadPass):
        pass_for(HERE, {VARIABLE: str(tmp_path)})
