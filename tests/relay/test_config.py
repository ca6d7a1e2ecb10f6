"""The relay's settings: where each comes from, and what is refused."""

from pathlib import Path

import pytest

from ojak_relay.config import Config, load
from ojak_relay.errors import ConfigError


def test_flags_stand_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text('capacity = 1\nconnections = 2\nidle_seconds = 3\nlisten = "localhost:4"\n')
    config = load(
        {"config": str(file), "capacity": 10, "connections": None, "store": None},
        {"OJAK_RELAY_CAPACITY": "20", "OJAK_RELAY_CONNECTIONS": "21", "HOME": "/"},
    )
    assert (config.capacity, config.connections, config.idle_seconds) == (10, 21, 3)
    assert config.address() == ("localhost", 4)
    assert config.header_seconds == Config().header_seconds


def test_the_environment_names_the_file_too(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text("capacity = 5\n")
    assert load({}, {"OJAK_RELAY_CONFIG": str(file)}).capacity == 5


def test_a_switch_is_true_or_false_wherever_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text("read_only = true\n")
    assert load({"config": str(file)}, {}).read_only is True
    assert load({"config": str(file)}, {"OJAK_RELAY_READ_ONLY": "false"}).read_only is False
    assert load({"read_only": True}, {"OJAK_RELAY_READ_ONLY": "false"}).read_only is True
    assert load({"read_only": None}, {}).read_only is False


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("[::1]:80", ("::1", 80)),
        ("10.0.0.1:0", ("10.0.0.1", 0)),
        ("a.onion:65535", ("a.onion", 65535)),
    ],
)
def test_addresses_are_host_and_port(listen: str, address: tuple[str, int]) -> None:
    assert Config(listen=listen).address() == address


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "names"),
    [
        ({}, {"OJAK_RELAY_CAPACTIY": "5"}, "", "capactiy"),
        ({}, {}, "capactiy = 5", "capactiy"),
        ({}, {}, "[relay]\ncapacity = 5", "relay"),
        ({}, {}, "capacity = ", "TOML"),
        ({}, {}, 'capacity = "5 "', "capacity"),
        ({}, {}, "capacity = true", "capacity"),
        ({}, {}, "store = 5", "store"),
        ({}, {"OJAK_RELAY_CAPACITY": "many"}, "", "capacity"),
        ({}, {"OJAK_RELAY_CAPACITY": "-1"}, "", "capacity"),
        ({"capacity": 0}, {}, "", "capacity"),
        ({"store": "sqlite"}, {}, "", "store"),
        ({"tls_key": "k"}, {}, "", "tls_certificate"),
        ({"listen": "8080"}, {}, "", "listen"),
        ({"listen": ":8080"}, {}, "", "listen"),
        ({"listen": "localhost:+80"}, {}, "", "listen"),
        ({"listen": "localhost:65536"}, {}, "", "listen"),
        ({"config": "/missing.toml"}, {}, "", "missing.toml"),
        ({}, {"OJAK_RELAY_READ_ONLY": "yes"}, "", "read_only must be true or false"),
        ({}, {}, "read_only = 1", "read_only must be true or false"),
        ({}, {}, "read_only = [1]", "read_only must be true or false"),
        ({}, {}, "capacity = [1]", "capacity must be a number"),
        ({}, {"OJAK_RELAY_REQUESTS_PER_MINUTE": "-1"}, "", "requests_per_minute"),
        ({"deposits_per_minute": -1}, {}, "", "deposits_per_minute must be 0 or more"),
        ({}, {"OJAK_RELAY_TRUSTED_PROXIES": "proxy.example"}, "", "trusted_proxies"),
        ({}, {}, 'path = "a\\u0000b"', "path must hold no control characters"),
        ({}, {"OJAK_RELAY_PATH": "a\nojak-relay: b"}, "", "path must hold no control characters"),
        ({"path": "\udcff"}, {}, "", "path must hold no control characters, and be UTF-8"),
        ({}, {}, "capacity = 99999999999999999999", "capacity must be 1000000000 or less"),
        ({}, {"OJAK_RELAY_CAPACITY": "9" * 5000}, "", "capacity must be a number"),
        ({"listen": "a" * 70 + ":80"}, {}, "", "listen must be HOST:PORT"),
        ({"listen": "[]:80"}, {}, "", "listen must be HOST:PORT"),
        ({"listen": "a:" + "9" * 5000}, {}, "", "listen must be HOST:PORT"),
    ],
    ids=map(str, range(32)),
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, flags: dict[str, object], environment: dict[str, str], toml: str, names: str
) -> None:
    (tmp_path / "relay.toml").write_text(toml)
    with pytest.raises(ConfigError, match=names):
        load({"config": str(tmp_path / "relay.toml")} | flags, environment)
