"""Metrics and log lines: counts and states of the whole relay, and nothing of anybody."""

import asyncio
import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ojak_relay.config import Config
from ojak_relay.counts import STEP
from ojak_relay.listening import is_public
from ojak_relay.log import Log
from ojak_relay.metrics import PREFIX
from ojak_relay.state import MEANINGS, State, log_counts
from tests.relay.kit import CBOR, MEMORY, Relay, address_of, deposit, pages, request, running, start
from tests.relay.marked import MARKS, SOURCES, marks_in, send_all

METRICS = ("--metrics-listen", "127.0.0.1:0")
LINE = re.compile(rf"{PREFIX}[a-z_]+ \d+(\.\d+)?(e\+\d+)?")
"""One number without labels."""


def metrics_port(relay: Relay) -> int:
    """Return the port that *relay* said its metrics are on."""
    assert relay.process.stderr is not None
    for line in iter(relay.process.stderr.readline, ""):
        if found := re.search(r"metrics on http://127\.0\.0\.1:(\d+)/metrics", line):
            return int(found[1])
    raise AssertionError("no metrics")


def told(port: int, path: str = "/metrics") -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", path)
    answer = line.getresponse()
    body = answer.read().decode()
    line.close()
    return answer.status, body


def numbers(port: int) -> dict[str, float]:
    lines = [line for line in told(port)[1].splitlines() if not line.startswith("#")]
    return {name.removeprefix(PREFIX): float(value) for name, value in map(str.split, lines)}


def test_metrics_are_off_by_default_and_then_nothing_of_them_is_loaded() -> None:
    with running(*MEMORY) as relay:
        assert told(relay.port)[0] == 404
    loads = (
        "import sys, ojak_relay.commands.serve\n"
        "print([name for name in sys.modules if name.startswith('prometheus')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_metrics_count_in_tens_on_a_port_of_their_own() -> None:
    with running(*MEMORY, *METRICS) as relay:
        port = metrics_port(relay)
        for number in range(STEP - 1):
            relay.sync(request(deposits=(deposit(number, 7),)))
        before = numbers(port)
        assert (before["syncs_total"], before["boxes"], before["deposits_stored_total"]) == (
            0,
            0,
            0,
        )
        relay.sync(request(deposits=(deposit(99, 7), deposit(98, 8))))
        after = numbers(port)
        assert (after["syncs_total"], after["boxes"], after["deposits_stored_total"]) == (
            10,
            10,
            10,
        )
        assert (after["ready"], after["clock_is_trusted"], after["draining"]) == (1, 1, 0)
        assert after["capacity"] == 1000
        for path in ("/", "/v1/info", "/metrics?x", "/healthz"):
            assert told(port, path) == (404, "")
        names = {name.removesuffix("_total") for name in after if not name.endswith("_created")}
        assert names == set(MEANINGS)


def test_a_body_to_the_metrics_is_not_kept() -> None:
    """Nobody limits who asks there, so what is sent must not stay in memory."""
    with running(*MEMORY, *METRICS) as relay:
        line = http.client.HTTPConnection("127.0.0.1", metrics_port(relay), timeout=10)
        line.request("GET", "/metrics", b"x" * 1_000_000)
        assert line.getresponse().status == 400
        line.close()


def unfit(text: str) -> list[str]:
    """Return the lines of *text* that are no number without labels, and the marks in it."""
    lines = [line for line in text.splitlines() if not line.startswith(("# HELP ", "# TYPE "))]
    return [line for line in lines if not LINE.fullmatch(line)] + marks_in(text.encode())


def test_s5_no_label_and_no_value_of_metrics_tells_of_ids_addresses_or_sizes(
    tmp_path: Path,
) -> None:
    with running(*pages(tmp_path / "store"), *METRICS) as relay:
        port = metrics_port(relay)
        send_all(relay)
        _, text = told(port)
        assert unfit(text) == []
        assert set(SOURCES) <= set(MARKS)
        for line in text.splitlines():
            if not line.startswith("#") and "capacity" not in line and "clock" not in line:
                assert float(line.split()[1]) in {0.0, 1.0} or float(line.split()[1]) % STEP == 0


def test_s5_the_checker_finds_a_label_with_an_address() -> None:
    assert unfit(f'{PREFIX}syncs_total{{source="127.66.66.77"}} 1.0') != []
    assert unfit(f"{PREFIX}syncs_total 10.0") == []


def test_s5_all_that_follows_from_requests_is_rounded_and_states_are_not() -> None:
    states = {"capacity", "clock", "clock_is_trusted", "ready", "draining"}
    gauges = {"boxes", "due", "connections"}
    counts = {name: 19 for name in MEANINGS if name not in states | gauges}
    told = State(dict.fromkeys(states | gauges, 19), counts).rounded().all()
    assert {name for name, value in told.items() if value == 19} == states
    assert {value for name, value in told.items() if name not in states} == {10}
    assert set(told) == set(MEANINGS)


@pytest.mark.parametrize(
    ("address", "public"),
    [("127.0.0.1:9", False), ("10.0.0.7:9", False), ("0.0.0.0:9", True), ("[::]:9", True),
     ("198.51.100.7:9", False), ("8.8.8.8:9", True), ("relay.example:9", True), ("unix:/x", False)],
)  # fmt: skip
def test_metrics_on_a_public_address_are_warned_of(address: str, *, public: bool) -> None:
    parsed = Config(metrics_listen=address).metrics_address()
    assert parsed is not None
    assert is_public(parsed) == public


def test_the_warning_is_told_at_the_start() -> None:
    with running(*MEMORY, "--metrics-listen", "0.0.0.0:0") as relay:
        assert "metrics can be read by whoever reaches that address" in relay.stop()[1]


# Log lines


def test_a_log_line_is_one_json_object_if_that_is_asked_for(tmp_path: Path) -> None:
    environment = {"OJAK_RELAY_LOG_FORMAT": "json", "OJAK_RELAY_READ_ONLY": "true"}
    with running(*pages(tmp_path / "store"), environment=environment) as relay:
        relay.sync(request(deposits=(deposit(1, 7),)))
        relay.process.send_signal(1)
        lines = [json.loads(line) for line in relay.stop()[1].splitlines()]
    assert [line["message"] for line in lines] == ["settings:", "no certificate to read again"]
    assert lines[0]["capacity"] == 100
    assert lines[0]["read_only"] is True
    assert all(isinstance(line["time"], int) for line in lines)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_s5_no_log_line_tells_of_anybody(log_format: str, tmp_path: Path) -> None:
    environment = {"OJAK_RELAY_LOG_FORMAT": log_format, "OJAK_RELAY_LOG_MINUTES": "1"}
    with running(*pages(tmp_path / "store"), environment=environment) as relay:
        send_all(relay)
        _, err = relay.stop()
    assert marks_in(err.encode()) == []
    assert "127.66" not in err
    assert len(err.splitlines()) == 1


@pytest.mark.asyncio
async def test_the_line_with_counts_tells_numbers_in_tens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = State({"boxes": 1234, "ready": 1}, {"syncs": 99})
    for as_json in (False, True):
        telling = asyncio.create_task(log_counts(Log(as_json=as_json), lambda: state, 0))
        for _ in range(4):
            await asyncio.sleep(0)
        telling.cancel()
        line = capsys.readouterr().err.splitlines()[0]
        if as_json:
            told = json.loads(line)
            assert (told["boxes"], told["ready"], told["syncs"]) == (1230, 1, 90)
        else:
            said = "ojak-relay: counts since the start, in tens boxes=1230 ready=1 syncs=90"
            assert line == said


def test_wrong_log_settings_are_refused() -> None:
    process = start(environment={"OJAK_RELAY_LOG_FORMAT": "xml"})
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (2, "ojak-relay: log_format must be one of: text, json\n")


# Health


def test_the_health_page_says_when_the_clock_is_not_trusted(tmp_path: Path) -> None:
    with running(*MEMORY) as relay:
        assert told(relay.port, "/healthz") == (200, "ok")
    script = tmp_path / "relay.py"
    script.write_text(
        "import sys, time; time.time = lambda: 1000.0\n"
        "from ojak_relay.__main__ import main\n"
        "main(['serve', '--listen', '127.0.0.1:0', *sys.argv[1:]])\n"
    )
    process = start(*MEMORY, program=(str(script),))
    try:
        _, port = address_of(process)
        assert told(port, "/healthz") == (200, "ok, but the clock is not trusted")
        assert told(port, "/readyz") == (200, "ok")
        line = http.client.HTTPConnection("127.0.0.1", port)
        line.request("POST", "/v1/sync", b"", CBOR)
        assert line.getresponse().status == 400
        line.close()
    finally:
        process.kill()
        process.communicate()
