"""The relay's unit, and the one that waits for letters, under a systemd that has booted."""

import re
import time
from typing import Final

from tests.container.backups import backed_up, check_restored
from tests.container.holding import holds
from tests.container.machine import CHECKOUT, Machine
from tests.container.unit import FIND, LAY, PASS, UNIT, pasted, shown, visit

ANSWERS: Final = "왜가리 도둑\n노란 도시락통\n앞집 량반\n"
INVITED: Final = """
export OJAK_RELAY=http://127.0.0.1:8080 OJAK_LANG=en LANG=C.UTF-8
printf 'a long passphrase\\n' >passphrase
ojak --no-input --passphrase-fd 3 invite --name 엄마 --question 'Where?' --question 'What?' \
  --question 'Who?' --answers-fd 4 3<passphrase 4<answers >slip
echo '엄마, 나 미나예요.' | ojak --passphrase-fd 3 send 엄마 3<passphrase
"""
GIVEN: Final = '(umask 077; head -c -1 passphrase > "$XDG_RUNTIME_DIR/ojak-passphrase")'
SLOW: Final = """
import sys, time
from ojak_relay.__main__ import main
from ojak_relay.store import pages

put_right = pages.repair

def repair(file, progress):
    for page in range(8):
        time.sleep(1)
        if sys.argv[1] == "reads":
            progress(page, 8)
    return put_right(file, progress)

pages.repair = repair
main(["serve"], prog_name="ojak-relay")
"""
"""A relay that takes eight seconds to read its store, and says so or not."""
DROPPED_IN: Final = """
[Service]
TimeoutStartSec=4
ExecStart=
ExecStart=/opt/ojak/bin/python /opt/ojak/slow.py %s
"""
NO_SERVERS: Final = """
[Service]
Environment=OJAK_RELAY_STORE=valkey OJAK_RELAY_VALKEY=valkey://127.0.0.1:6
"""


def check_started(machine: Machine) -> None:
    """Look at the service that runs."""
    pid = shown(machine, "MainPID")
    lines = machine.said(f"cat /proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    user = status["Uid"].split()[0]
    # Users that exist while something runs have these numbers: systemd.exec(5).
    holds(f"a user of its own, {user}", 61184 <= int(user) <= 65519)
    rights = {status[name].strip("0") for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")}
    holds("without a capability", rights == {""})
    holds(
        "no new privileges, a filter for calls",
        (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"),
    )
    limits = machine.said(f"cat /proc/{pid}/limits")
    holds("no core dump", re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE))
    modes = machine.said("stat --format '%a %u' /var/lib/ojak/. /var/lib/ojak/relay.store")
    holds("its folder and its store are its own", modes == f"700 {user}\n600 {user}")
    # As root among what the relay sees, so that nothing but its mounts says no.
    inside = f"nsenter --target {pid} --mount"
    tried = f"for at in /etc /opt/ojak /usr /var/lib/private /; do {inside} touch $at/new; done"
    holds("nothing else can be written to", machine.run(tried).stderr.count("Read-only") == 5)
    homes = machine.said("ls -A /root") != "" == machine.said(f"{inside} ls -A /root")
    holds("homes are empty to it", homes)
    rated = machine.said(f"systemd-analyze security --no-pager {UNIT} | tail -n 1")
    level = re.search(r"exposure level for ojak-relay.service: ([\d.]+)", rated)
    holds(f"exposure {level and level[1]}", level and float(level[1]) <= 1.5)


def check_kept(machine: Machine, commands: list[str]) -> None:
    """Kill it, stop it, reload it, give it root's commands."""
    holds("a box is laid", visit(machine, LAY) == "STORED")
    machine.run(f"kill -9 {shown(machine, 'MainPID')}")
    again = (
        "for _ in $(seq 100); do ojak-relay healthcheck >/dev/null && exit; sleep 0.2; done; exit 1"
    )
    holds("killed, it starts again", machine.done(again) and shown(machine, "NRestarts") == "1")
    holds("and has the box", visit(machine, FIND) == "True")
    early = f"systemctl restart --no-block {UNIT}; sleep 0.1; systemctl reload {UNIT}"
    machine.run(f"{early}; systemctl start {UNIT}")
    holds("a reload while it starts ends nothing", shown(machine, "ActiveState") == "active")
    heard = f"journalctl --unit {UNIT} | grep -c 'no certificate to read again'"
    machine.run(f"systemctl reload {UNIT}; for _ in $(seq 50); do {heard} && exit; sleep 0.1; done")
    holds("a later one is heard", machine.said(heard) == "1")
    done = machine.done(";".join(["set -e", *commands]))
    holds("root's commands from the guide", done and shown(machine, "ActiveState") == "active")
    holds("the box is still there", visit(machine, FIND) == "True")
    holds("stop ends it", machine.done(f"systemctl stop {UNIT}"))
    ended = [shown(machine, name) for name in ("Result", "ExecMainStatus")]
    holds("with code 0", ended == ["success", "0"])
    # A pass, given as a credential.
    unit = f"/etc/systemd/system/{UNIT}.service"
    script = (
        f"sed -i 's/^#\\(LoadCredential\\|Environment\\)/\\1/' {unit}; (umask 077;"
        f" echo {PASS} >/etc/ojak/pass); systemctl daemon-reload; systemctl start {UNIT}"
    )
    holds("it starts with a pass", machine.done(script))
    holds("who has it is served", visit(machine, FIND, PASS) == "True")
    holds("who has none is not", "(401" in visit(machine, FIND))
    log = machine.said(f"journalctl --unit {UNIT}")
    holds("the pass is not in the journal", PASS not in log)
    undone = f"sed -i 's/^\\(LoadCredential\\|.*PASS_FILE\\)/#\\1/' {unit}; systemctl daemon-reload"
    holds("and out again", machine.done(f"{undone}; systemctl restart {UNIT}"))


def drop_in(machine: Machine, lines: str) -> None:
    """Give the unit *lines* of its own, or take them away, and stop it."""
    folder = machine.root / "etc" / "systemd" / "system" / f"{UNIT}.service.d"
    folder.mkdir(exist_ok=True)
    (folder / "check.conf").write_text(lines)
    machine.run(f"systemctl stop {UNIT}; systemctl reset-failed {UNIT}; systemctl daemon-reload")


def timed(machine: Machine) -> tuple[bool, float]:
    """Start it; return whether systemd calls it started, and how many seconds that took."""
    began = time.monotonic()
    ended = machine.run(f"systemctl start {UNIT}").returncode
    return ended == 0, time.monotonic() - began


def check_starts(machine: Machine) -> None:
    """Let it take long to start, make no progress, and lack what it needs."""
    (machine.root / "opt" / "ojak" / "slow.py").write_text(SLOW)
    drop_in(machine, DROPPED_IN % "reads")
    reads = f"systemctl show --property StatusText {UNIT} | grep reading"
    waited = f"for _ in $(seq 100); do {reads} && exit; sleep 0.1; done"
    text = machine.said(f"systemctl start --no-block {UNIT}; {waited}").partition("=")[2]
    holds(f"while it starts, status says: {text}", text.startswith("reading the store: page "))
    started, _ = timed(machine)
    holds("who takes longer than the unit's time and says so is waited for", started)
    holds("and has nothing to say then", shown(machine, "StatusText") == "")
    drop_in(machine, DROPPED_IN % "hangs")
    started, seconds = timed(machine)
    holds(f"who says nothing has failed, after {seconds:.0f} s", not started and seconds < 30)
    drop_in(machine, NO_SERVERS)
    started, seconds = timed(machine)
    text = shown(machine, "StatusText")
    holds(f"without a Valkey too, after {seconds:.0f} s: {text}", not started and seconds < 30)
    told = machine.said(f"journalctl --unit {UNIT} --boot | grep -c '127.0.0.1:6'")
    holds("and the journal names the server", int(told or 0) > 1)
    drop_in(machine, "")
    holds("as it was it starts", timed(machine)[0])


def check_waiting(machine: Machine) -> None:
    """Let the unit of one person answer a number."""
    home = machine.root / "home" / "mina"
    prepared = (
        "useradd --create-home --shell /bin/bash mina; loginctl enable-linger mina; cd ~mina;"
        "install -d -o mina .local .local/bin .config .config/systemd .config/systemd/user;"
        "chmod 755 /opt/ojak; ln -s /opt/ojak/bin/ojak .local/bin/ojak;"
        f"cp {CHECKOUT}/docs/ojak-keep.service .config/systemd/user/"
    )
    holds("a person with a user manager of their own", machine.done(prepared))
    (home / "answers").write_text(ANSWERS)
    own = "export XDG_RUNTIME_DIR=/run/user/$(id -u) PATH=~/.local/bin:$PATH; cd; set -e; "
    holds("invites", machine.done(own + INVITED, "mina"))
    enable = "systemctl --user daemon-reload; systemctl --user enable --now ojak-keep"
    machine.run(own + enable, "mina")
    state = own + "systemctl --user is-active ojak-keep"
    holds("without the passphrase nothing is tried", machine.said(state, "mina") == "inactive")
    english = "systemctl --user set-environment OJAK_LANG=en LANG=C.UTF-8"
    with_it = f"{own}{GIVEN}; {english}; systemctl --user start ojak-keep"
    holds("with it", machine.done(with_it, "mina"))
    holds("the unit waits", machine.said(state, "mina") == "active")
    number = re.search(r"\d{4}-\d{4}-\d{4}", (home / "slip").read_text())
    meet = (
        "export OJAK_RELAY=http://127.0.0.1:8080 OJAK_LANG=en;"
        f"ojak --no-input meet {number and number[0]} --answers-fd 4 --to-stdout"
        " 4<~mina/answers"
    )
    holds("the letter is there for who knows", machine.said(meet).count("엄마, 나 미나예요.") == 1)
    _check_survives(machine, own)
    journal = machine.said("journalctl --all | grep -c '엄마'")
    holds("no name stands in the journal", journal == "0")
    stopped = "systemctl --user stop ojak-keep; systemctl --user show --value -p Result ojak-keep"
    holds("stop ends it", machine.said(own + stopped, "mina") == "success")
    wrong = 'echo no > "$XDG_RUNTIME_DIR/ojak-passphrase"; systemctl --user start ojak-keep || true'
    code = "systemctl --user show --value -p ExecMainStatus -p NRestarts ojak-keep"
    told = machine.said(f"{own}{wrong}; sleep 2; {code}", "mina").split()
    holds("another passphrase is tried once", sorted(told) == ["0", "15"])


def _check_survives(machine: Machine, own: str) -> None:
    """Take the relay away from the unit that waits and give it back, kill it, use its vault."""
    status = "systemctl --user status --no-pager ojak-keep"
    told = "timeout 90 sh -c \"until {} | grep -q '{}'; do sleep 1; done\""

    def says(sentence: str) -> bool:
        return machine.done(own + told.format(status, sentence), "mina")

    machine.run(f"systemctl stop {UNIT}")
    holds("without its relay its status says so", says("No connection"))
    machine.run(f"systemctl start {UNIT}")
    holds("and that it is reached again", says("The relay is reached again"))
    pid = "systemctl --user show --value -p MainPID ojak-keep"
    machine.run(f"{own}kill -9 $({pid})", "mina")
    restarted = "systemctl --user show -p NRestarts -p ActiveState ojak-keep | tr '\\n' ' '"
    again = told.format(restarted, "NRestarts=1 ActiveState=active")
    holds("killed, it waits again after a minute", machine.done(own + again, "mina"))
    sent = "echo '둘째 편지' | ojak --passphrase-fd 3 send 엄마 3<passphrase; "
    arrived = f"{own}{sent}ojak --passphrase-fd 3 status 3<passphrase"
    state = machine.said(arrived, "mina")
    holds("and other commands work beside it", "엄마" in state)


def check_booted(machine: Machine) -> None:
    """Install the relay as the guide says, and go through its life."""
    install, commands = pasted("/opt/ojak/bin/pip"), pasted("OJAK_RELAY_CONFIG")
    machine.make()
    *before, last = install
    holds("the relay is installed as the guide says", machine.prepare("\n".join(before)))
    empty = machine.copied("empty-machine")
    with machine.booted():
        holds("systemd has booted", machine.said("systemctl is-system-running") == "running")
        started = machine.done(f"{last} && ojak-relay healthcheck")
        holds("once it is started it serves", started)
        selftest = machine.said("ojak-relay selftest http://127.0.0.1:8080")
        holds("selftest finds nothing wrong", "wrong: 0" in selftest)
        check_started(machine)
        check_kept(machine, commands)
        check_starts(machine)
        check_waiting(machine)
        backup = backed_up(machine)
        gone = (
            f"for _ in $(seq 50); do systemctl is-active --quiet {UNIT} || exit 0; sleep 0.2; done"
        )
        ended = machine.done(f"{commands[0]}; ojak-relay drain; {gone}; exit 1")
        holds("drain ends the relay, with code 0", ended and shown(machine, "Result") == "success")
        holds("and systemd starts no other", shown(machine, "ActiveState") == "inactive")
    with empty.booted():
        check_restored(empty, backup)
