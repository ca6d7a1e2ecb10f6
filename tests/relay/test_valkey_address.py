"""The setting that names servers: what it means, and what is refused without being repeated."""

import pytest

from ojak_relay.config import Config
from ojak_relay.errors import ConfigError
from ojak_relay.store.valkey_address import Named, parse_servers


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("valkey://a:1", Named((("a", 1),), "", 0, is_tls=False)),
        ("redis://a", Named((("a", 6379),), "", 0, is_tls=False)),
        ("valkeys://relay@a/3", Named((("a", 6379),), "relay", 3, is_tls=True)),
        ("rediss://[::1]:7", Named((("::1", 7),), "", 0, is_tls=True)),
        ("unix:///run/valkey", Named((("/run/valkey", 0),), "", 0, is_tls=False)),
        ("valkey://a:1, valkey://b:2", Named((("a", 1), ("b", 2)), "", 0, is_tls=False)),
    ],
    ids=str,
)
def test_servers_are_named_by_address(setting: str, named: Named) -> None:
    assert parse_servers(setting) == named
    assert Config(store="valkey", valkey=setting).valkey == setting


@pytest.mark.parametrize(
    "setting",
    [
        "a:1",
        "http://a",
        "valkey://",
        "valkey://a:b",
        "valkey://a:99999",
        "valkey://a:0",
        "valkey://a/x",
        "valkey://a?b=c",
        "valkey://a#b",
        "unix://a/b",
        "unix://",
        "valkey://[a",
        "valkey://a,",
        "valkey://:Secret88@a",
        "valkey://b:Secret88@a",
        "valkey://a:1,valkeys://b:1",
        "valkey://a:1,valkey://c@b:1",
        "valkey://a/1,valkey://b/2",
    ],
)
def test_what_names_no_servers_is_refused_and_not_repeated(setting: str) -> None:
    with pytest.raises(ConfigError, match="valkey") as refused:
        Config(store="valkey", valkey=setting)
    assert "Secret88" not in str(refused.value)


def test_the_store_and_the_setting_belong_together() -> None:
    with pytest.raises(ConfigError, match="belong together"):
        Config(store="valkey")
    with pytest.raises(ConfigError, match="belong together"):
        Config(valkey="valkey://a")
    with pytest.raises(ConfigError, match="valkey_replicas"):
        Config(valkey_replicas=-1)
