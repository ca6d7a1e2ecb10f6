"""Backups as the operating guide makes them, and relays made from them on empty machines."""

import os
import re
import secrets
import shutil
import tarfile
from pathlib import Path
from typing import Final

from ojak_protocol.sync import Nothing, PollResult
from tests.container.composed import UP, settled, visitor
from tests.container.engine import Engine, copied
from tests.container.holding import holds
from tests.container.load import Visitor
from tests.container.machine import Machine
from tests.container.unit import FIND, LAY, PASS, UNIT, pasted, shown, visit
from tests.docs.kit import ROOT
from tests.docs.test_backups import traces
from tests.relay.kit import request

BOXES: Final = 3
ARCHIVE: Final = "backup.tar"
OVERRIDE: Final = re.compile(r"^```yaml\n(services:\n.*?)^```", re.MULTILINE | re.DOTALL)
RELAYS_USER: Final = 65532


def is_refused(client: Visitor) -> bool:
    """Tell whether who shows what *client* shows is answered 401."""
    try:
        client.visit(request(1))
    except AssertionError as error:
        return str(error).startswith("(401, ")
    return False


def looked_for(client: Visitor, numbers: range) -> tuple[PollResult, ...]:
    """Return what lies there; nothing at all where *client* does not trust who answers."""
    try:
        return client.again(request(*numbers)).polls[: len(numbers)]
    except (OSError, AssertionError):
        return ()


def make_private(project: Path) -> str:
    """Give the copy the pass and the file that the guide has for one; return the pass."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    (override,) = OVERRIDE.findall(page)
    (project / "compose.override.yaml").write_text(override)
    word = secrets.token_hex(16)
    path = project / "pass"
    path.write_text(f"{word}\n")
    os.chown(path, RELAYS_USER, RELAYS_USER)
    path.chmod(0o400)
    return word


def check_backup(engine: Engine, folder: Path) -> None:
    """Make a private relay with Compose, back it up, lose all of it, and make it from that."""
    own, numbers = folder / "backup", range(BOXES)
    own.mkdir()
    word = make_private(engine.project)
    settled(engine, OJAK_CAPACITY="3000")
    holds("with the guide's compose.override.yaml, up", engine.done(*UP))
    client = visitor(engine, own)
    holds("who shows no pass is refused", is_refused(client))
    client.relay_pass = word
    holds("who has it lays boxes", all(map(client.lay, numbers)))
    store = engine.volume("boxes") / "relay.store"
    holds("a search finds them in the store", traces(store, numbers, numbers) == 2 * BOXES)
    done = engine.typed(pasted("docker compose cp caddy:/data"))
    holds("the guide's commands make a backup", done)
    archive = engine.project / ARCHIVE
    holds("which has no box", traces(archive, numbers, numbers) == 0)
    with tarfile.open(archive) as opened:
        names = {member.name for member in opened if member.isfile()}
    key = "certificates/caddy/pki/authorities/local/root.key"
    holds(
        "but settings, pass and keys",
        names >= {".env", "compose.override.yaml", "pass", key},
    )
    holds("in a file of root's alone", archive.stat().st_mode & 0o777 == 0o600)
    shutil.move(archive, own)
    gone = engine.done("down", "--volumes")
    shutil.rmtree(engine.project)
    engine.project = copied(own)
    (engine.project / ".env").unlink()
    shutil.move(own / ARCHIVE, engine.project)
    holds("all is lost but the backup", gone and not store.exists())
    holds("its commands make a relay", engine.typed(pasted("docker compose create")))
    # By the certificate of the former one, and its pass.
    found = looked_for(client, numbers)
    holds("that is who it was, and has none of the boxes", found == (Nothing(),) * BOXES)
    stats = engine.compose("exec", "-T", "relay", "ojak-relay", "stats").stdout
    holds("with its settings", re.search(r"^capacity +3000$", stats, re.MULTILINE))
    client.relay_pass = ""
    holds("private as it was", is_refused(client))
    holds("down takes it away", engine.done("down", "--volumes"))
    (engine.project / "compose.override.yaml").unlink()


def backed_up(machine: Machine) -> Path:
    """Have the unit of a private relay serve, and back it up as the guide says; return the file."""
    unit = f"/etc/systemd/system/{UNIT}.service"
    private = (
        f"sed -i 's/^#\\(LoadCredential\\|Environment\\)/\\1/' {unit}; (umask 077;"
        f" echo {PASS} >/etc/ojak/pass); echo 'log_minutes = 7' >>/etc/ojak/relay.toml;"
        f" systemctl daemon-reload; systemctl restart {UNIT}"
    )
    holds("a private relay", machine.done(private) and visit(machine, LAY, PASS) == "STORED")
    store = machine.root / "var/lib/private/ojak/relay.store"
    holds("has a box", traces_of_one(store) > 0)
    lines = pasted("tar --create", "etc/ojak")
    holds("the guide's commands back it up", machine.done("; ".join(["set -e; cd", *lines])))
    archive = machine.root / "root" / ARCHIVE
    holds("without the box", traces_of_one(archive) == 0)
    holds("in a file of root's alone", archive.stat().st_mode & 0o777 == 0o600)
    return archive


def traces_of_one(file: Path) -> int:
    """Return how much of the box that `LAY` lays is in *file*: it is number 7, at place 1."""
    return traces(file, {1}, {7})


def check_restored(machine: Machine, archive: Path) -> None:
    """Make the relay from its backup on a machine that has nothing but the program."""
    shutil.copy(archive, machine.root / "root")
    holds("on an empty machine no relay runs", shown(machine, "ActiveState") == "inactive")
    lines = pasted("tar --extract", "--directory /")
    holds("the guide's commands make it one", machine.done("; ".join(["set -e; cd", *lines])))
    holds("who has the pass is served, the box is gone", visit(machine, FIND, PASS) == "False")
    holds("who has none is not", "(401" in visit(machine, FIND))
    printed = "OJAK_RELAY_CONFIG=/etc/ojak/relay.toml ojak-relay print-config"
    holds("its settings are there", "log_minutes = 7" in machine.said(printed).splitlines())
    store = machine.root / "var/lib/private/ojak/relay.store"
    holds("its store never saw the box", store.exists() and traces_of_one(store) == 0)
