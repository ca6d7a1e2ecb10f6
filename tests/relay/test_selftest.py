"""`ojak-relay selftest`: what an outsider sees of a relay, and of what stands in front of it."""

import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_relay.selftest.checks import WOKEN_SECONDS, Level, visit
from ojak_relay.selftest.line import Line, NoAnswer
from ojak_relay.selftest.target import Target
from tests.relay.commands import called, run
from tests.relay.kit import MEMORY, Relay, address_of, deposit, request, running, start
from tests.relay.lines import certificate
from tests.relay.proxies import Change, nothing, proxied

Fields = list[tuple[str, str]]


def lines(
    url: str, *given: str, environment: dict[str, str] | None = None
) -> tuple[int, list[str]]:
    done = run("selftest", url, *given, environment=environment)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def seen(url: str) -> list[str]:
    """Return what a visit within this process finds wrong."""
    wrong = []
    try:
        for finding in visit(Target.of(url)):
            wrong += [finding.sentence] if finding.level is Level.WRONG else []
    except NoAnswer as error:
        wrong.append(str(error))
    return wrong


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with running(*MEMORY) as relay:
        yield relay


def of(level: str, told: list[str]) -> list[str]:
    return [line.removeprefix(level).strip() for line in told if line.startswith(f"{level} ")]


def test_a_good_relay_with_tls_has_nothing_wrong_and_keeps_nothing(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    given = ("--tls-certificate", str(made), "--tls-key", str(private))
    own = ("--control", str(tmp_path / "control"))
    trusted = {"SSL_CERT_FILE": str(made)}
    with running(*MEMORY, *given, *own) as relay:
        code, told = lines(f"https://localhost:{relay.port}", environment=trusted)
        numbers = json.loads(run("stats", "--json", *own).stdout)
    # The certificate of a test lives two days, and that is what is wrong with it.
    assert (code, of("wrong", told)) == (1, ["the certificate ends in 2 days: CN=localhost"])
    fine = of("fine", told)
    for sentence in (
        "the certificate and its chain are trusted by this machine",
        "TLS version: TLSv1.3",
        "it calls itself relay",
        "no header tells of anything in between",
        "a box is stored",
        "a box is found",
        "a box is deleted",
        "the largest request and the largest answer pass",
    ):
        assert sentence in fine
    assert any(line.startswith("who waits hears of a box after 0.") for line in fine)
    assert any("a hit takes" in line for line in told)
    assert any(re.fullmatch(r"its clock differs by -?[012] s", line) for line in fine)
    assert numbers["boxes"] == 0
    assert numbers["deposits_stored"] == 2


def test_plain_http_on_this_machine_is_told_and_not_wrong(relay: Relay) -> None:
    code, told = lines(f"http://127.0.0.1:{relay.port}")
    assert code == 0
    assert of("look", told) == ["no TLS: whoever is in between sees every request"]
    assert told[-1].endswith("look: 1, wrong: 0")


@pytest.mark.parametrize(("host", "is_shown"), [("127.0.0.1", True), ("0.0.0.0", False)])  # noqa: S104 - dialled
def test_a_pass_goes_over_plain_http_to_this_machine_alone(host: str, *, is_shown: bool) -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://{host}:{listening.getsockname()[1]}"

        def hear() -> None:
            with listening.accept()[0] as line:
                heard.append(line.recv(10_000))

        other = threading.Thread(target=hear)
        other.start()
        with Line(Target.of(url, "Secret-of-the-relay-1234")) as line:
            line.send("GET", "/v1/info")
            other.join(20)
    assert (b"Secret-of-the-relay-1234" in heard[0]) == is_shown


def test_a_certificate_that_nobody_trusts_is_wrong_and_no_pass_is_shown(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    (tmp_path / "pass").write_text("Secret-of-the-relay-1234\n")
    given = ("--tls-certificate", str(made), "--tls-key", str(private))
    own = ("--pass-file", str(tmp_path / "pass"))
    with running(*MEMORY, *given, *own) as relay:
        code, told = lines(f"https://localhost:{relay.port}", *own)
        assert code == 1
        assert "the certificate is not trusted here: self-signed certificate" in of("wrong", told)
        assert "a sync is answered with 401" in of("wrong", told)
        code, told = lines(
            f"https://localhost:{relay.port}", *own, environment={"SSL_CERT_FILE": str(made)}
        )
        assert "a box is found" in of("fine", told)


def _numbered(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    return [*headers, ("X-Request-Id", "7")], body


def _compressed(path: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    if path != "/v1/sync":
        return headers, body
    kept = [(name, value) for name, value in headers if name != "Content-Length"]
    short = gzip.compress(body)
    return [*kept, ("Content-Encoding", "gzip"), ("Content-Length", str(len(short)))], short


def _cached(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    return [(n, "max-age=60" if n == "Cache-Control" else v) for n, v in headers], body


def _quoting(path: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    if len(body) > 0:
        return headers, body
    kept = [(name, value) for name, value in headers if name != "Content-Length"]
    quoted = f"no such page: {path}".encode()
    return [*kept, ("Content-Length", str(len(quoted)))], quoted


def _in_pieces(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    kept = [(name, value) for name, value in headers if name != "Content-Length"]
    pieces = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    return [*kept, ("Transfer-Encoding", "chunked")], pieces


def _of_later(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    return headers, body.replace(b'"versions": [1, 1]', b'"versions": [2, 3]')


def _web_page(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
    page = b"<html>Welcome</html>".ljust(len(body), b" ")
    return headers, page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_numbered, "header x-request-id: something in between may keep visits"),
        (_compressed, "what answers a sync is no relay"),
        (_cached, "answers may be kept in between: Cache-Control is changed"),
        (_quoting, "an unknown path is answered with 404, not alike"),
        (_in_pieces, "something sends answers on in pieces: lengths are no longer even"),
        (_in_pieces, "on a sync: something sends answers on in pieces: lengths are no longer even"),
        (_of_later, "protocol versions 2 to 3, and this program has 1"),
        (_web_page, "/v1/info is answered with 200 and is no relay's"),
    ],
)
def test_what_stands_in_front_and_changes_answers_is_wrong(
    relay: Relay, change: Change, said: str
) -> None:
    with proxied(relay, change, lambda _: None) as url:
        assert said in seen(url)


OTHERWISE = """
import dataclasses, sys, time
{change}
from ojak_relay.__main__ import main
main(["serve", "--listen", "127.0.0.1:0", *sys.argv[1:]])
"""
FAST = "honest = time.time; time.time = lambda: honest() + 1000"
KEEPS = """
from ojak_relay import service
honest = service.Service.sync
def sync(self, request, **others):
    return honest(self, dataclasses.replace(request, deletes=()), **others)
service.Service.sync = sync
"""


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("", []),
        (FAST, ["its clock is 1000 s off"]),
        (KEEPS, ["a box lies there after its deletion"]),
    ],
    ids=["honest", "fast", "keeps"],
)
def test_a_relay_that_is_not_as_it_should_be_is_wrong(
    tmp_path: Path, change: str, wrong: list[str]
) -> None:
    (tmp_path / "relay.py").write_text(OTHERWISE.format(change=change))
    process = start(*MEMORY, program=(str(tmp_path / "relay.py"),))
    try:
        host, port = address_of(process)
        told = [re.sub("99[89]", "1000", sentence) for sentence in seen(f"http://{host}:{port}")]
        assert told == wrong
    finally:
        process.kill()
        process.communicate()


def test_a_relay_that_takes_no_box_says_why_it_may_be() -> None:
    with running(*MEMORY, "--read-only") as relay:
        assert seen(f"http://127.0.0.1:{relay.port}") == [
            "a box is refused: the relay is read-only or drains, or this machine laid too many"
        ]
    with running("--store", "memory", "--capacity", "1") as relay:
        relay.sync(request(deposits=(deposit(1, 7),)))
        assert seen(f"http://127.0.0.1:{relay.port}") == [
            "a box is refused: the relay is full; ojak-relay resize makes room"
        ]


def test_a_private_relay_asks_for_the_file_of_its_pass(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("Secret-of-the-relay-1234\n")
    with running(*MEMORY, "--pass-file", str(tmp_path / "pass")) as relay:
        assert seen(f"http://127.0.0.1:{relay.port}") == [
            "the relay asks for a pass: name its file in --pass-file",
            "a sync is answered with 401",
        ]


def test_a_visit_that_is_cut_off_takes_its_box_with_it(tmp_path: Path) -> None:
    own = ("--control", str(tmp_path / "control"))
    syncs = iter(range(1000))

    def cutting(path: str) -> None:
        if path == "/v1/sync" and next(syncs) == 7:
            raise ConnectionResetError

    with running(*MEMORY, *own) as relay:
        with proxied(relay, nothing, cutting) as url:
            assert seen(url) == ["the line broke: RemoteDisconnected"]
        numbers = json.loads(run("stats", "--json", *own).stdout)
    assert (numbers["deposits_stored"], numbers["boxes"]) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"versions": ["a", "b"], "pass": false}',
        b'{"versions": [[], {}], "pass": false}',
        b"[" * 100_000,
        b'{"versions": 7, "pass": false}',
        b"\xff",
    ],
    ids=map(str, range(5)),
)
def test_what_only_looks_like_a_relay_is_told_in_a_sentence(relay: Relay, body: bytes) -> None:
    def other(path: str, headers: Fields, was: bytes) -> tuple[Fields, bytes]:
        if path != "/v1/info":
            return headers, was
        kept = [(name, value) for name, value in headers if name != "Content-Length"]
        return [*kept, ("Content-Length", str(len(body)))], body

    with proxied(relay, other, lambda _: None) as url:
        assert seen(url) == ["/v1/info is answered with 200 and is no relay's"]


def test_nothing_that_an_outsider_sends_moves_the_cursor_of_the_operator(relay: Relay) -> None:
    hostile = "x\x1b]52;c;aGk=\x07\x1b[2J\x9b2J\x85y"

    def writing(_: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
        kept = [(name, value) for name, value in headers if name not in {"Server", "Date"}]
        return [*kept, ("Server", hostile), ("Date", hostile), ("X-Other", "1")], body

    with proxied(relay, writing, lambda _: None) as url:
        code, out, _ = called("selftest", url)
    assert code == 0
    assert "it calls itself x" in out
    assert [one for one in out if not one.isprintable() and one != "\n"] == []


def test_a_line_on_which_something_always_comes_ends_nevertheless() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def never_ending() -> None:
            with listening.accept()[0] as line, suppress(OSError):
                while True:
                    line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    ended.wait(0.01)

        other = threading.Thread(target=never_ending)
        other.start()
        target = Target.of(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with Line(target, step_seconds=0.3) as line, pytest.raises(NoAnswer, match="broke"):
            line.ask("GET", "/v1/info")
        other.join(20)
        assert not other.is_alive()


def test_an_honest_proxy_is_fine_and_one_that_holds_answers_back_is_wrong(relay: Relay) -> None:
    with proxied(relay, nothing, lambda _: None) as url:
        assert seen(url) == []
    hits = iter(range(1000))

    def slow(path: str) -> None:
        # One line waits and another one lays a box: by then there were so many.
        if path == "/v1/sync" and next(hits) in {34, 35}:
            time.sleep(WOKEN_SECONDS + 0.5)

    with proxied(relay, nothing, slow) as url:
        wrong = seen(url)
    assert len(wrong) == 1
    assert "something holds answers back" in wrong[0]


@pytest.mark.parametrize(
    "url",
    [
        "relay.example",
        "ftp://relay",
        "https://",
        "https://a:b@relay",
        "http://r/v1",
        "http://r:x",
        "https://" + "a" * 70,
        "http://.x",
        "http://a..b",
    ],
)
def test_what_is_no_address_of_a_relay_is_refused(url: str) -> None:
    said = "ojak-relay: give an address such as https://relay.example\n"
    assert called("selftest", url) == (2, "", said)


def test_nobody_there_is_wrong() -> None:
    assert seen("http://127.0.0.1:1") == ["nobody is reached there: ConnectionRefusedError"]
