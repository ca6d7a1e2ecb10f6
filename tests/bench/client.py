"""P9: what starting `ojak` and one whole cold sync over TLS cost, against a bare Python.

CPU time of whole processes, interleaved, so that what else runs on the machine meets all alike; of
Ojak as it is installed from a wheel. The passphrase is really stretched; what Argon2id takes is
measured in the process itself and taken off.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from ojak_client.exit_codes import ExitCode
from ojak_client.profile import Profile
from ojak_client.sharing import SLACK_BYTES
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from ojak_protocol.stretch import argon2id
from tests.bench.installed import install
from tests.bench.measure import Row
from tests.bench.own_device import CONTACTS, full_profile
from tests.client.brimful import brimful
from tests.client.devices import WORDS
from tests.client.test_dial import certificate
from tests.journeys.actors import Relay, given

REPEATS = 31
FAMILY: Final = 5
"""Contacts, each with a number: what one `sync` asks grows with them."""

CHILD: Final = """
import gc, os, sys, time
from ojak_client import __main__ as entry
entry._look_only_where_installed()
from ojak_client.late_modules import put_off
put_off()
sys.dont_write_bytecode = True
gc.disable()
told = int(sys.argv.pop(1))
from ojak_client import opening
stretch = opening.argon2id

def timed(*given):
    import _argon2_cffi_bindings  # to load it is no stretching
    began = time.process_time_ns()
    key = stretch(*given)
    os.write(told, b"%d" % (time.process_time_ns() - began))
    return key

opening.argon2id = timed
entry.main()
"""
"""What the command does, but that it tells on a pipe for how long it stretched."""


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    with TemporaryDirectory() as name, _tls_relay(Path(name)) as (relay, environment):
        programs = install(Path(name) / "installed")
        python, ojak = str(programs / "python"), str(programs / "ojak")
        family, crowd = Path(name) / "family", Path(name) / "crowd"
        _fill(family, brimful(full_profile(relay, FAMILY), left_bytes=SLACK_BYTES))
        _fill(crowd, full_profile(relay))

        def synced(profile: Path) -> tuple[float, float]:
            passphrase = given(f"{WORDS}\n")
            reading, writing = os.pipe()
            own = ("--profile", str(profile), "--passphrase-fd", str(passphrase))
            call = [python, "-c", CHILD, str(writing), *own, "sync"]
            whole = _cpu_ms(call, environment, passphrase, writing)
            with os.fdopen(reading) as told:
                stretch = int(told.read()) / 1e6
            return whole - stretch, stretch

        def round_of_all() -> tuple[float, ...]:
            bare = _cpu_ms([python, "-c", "pass"], environment)
            return bare, _cpu_ms([ojak, "--help"], environment), *synced(family), *synced(crowd)

        # The first sync deposits what waits; those that follow are the usual ones.
        synced(family)
        synced(crowd)
        measured = [round_of_all() for _ in range(REPEATS)]
    bare, helped, few, stretch, many, _ = map(median, zip(*measured, strict=True))
    yield Row("P9", "ojak --help, of a bare Python", f"{helped / bare:.1f}x", "6x", "4x")
    for contacts, sync in ((FAMILY, few), (CONTACTS, many)):
        figure = f"ojak sync over TLS, {contacts} contacts, full vault"
        yield Row("P9", figure, f"{sync / bare:.1f}x", "10x", "6x")
    yield Row("", "a bare Python; Argon2id, taken off", f"{bare:.0f} ms; {stretch:.0f} ms", "", "")


def _cpu_ms(command: Sequence[str], environment: Mapping[str, str], *passed: int) -> float:
    """Return the CPU time of a whole process, that of the kernel for it included."""
    process = subprocess.Popen(  # wait4 alone tells what this one child used
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        pass_fds=passed,
    )
    for one in passed:
        os.close(one)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {ExitCode.DONE, ExitCode.NOTHING_YET}:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return 1000 * (used.ru_utime + used.ru_stime)


def _fill(profile: Path, content: Profile) -> None:
    vault = Vault.create(vault_path(profile), bytearray(WORDS.encode()), argon2id, os.urandom)
    VaultStore(vault).update(lambda _: (content, None))
    vault.close()


@contextmanager
def _tls_relay(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the address of a relay with a certificate, and an environment that trusts it."""
    certificate(folder)
    tls = ("--tls-certificate", str(folder / "certificate.pem"))
    relay = Relay(folder / "relay", options=(*tls, "--tls-key", str(folder / "key.pem")))
    relay.start()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "ko.UTF-8",
        "SSL_CERT_FILE": str(folder / "certificate.pem"),
    }
    try:
        yield f"https://127.0.0.1:{relay.port}", environment
    finally:
        relay.kill()
