"""What `ojak status` costs with fifty contacts and all that a vault holds, Argon2id apart."""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from ojak_client.prepare import prepare
from ojak_client.profile import Contact, LetterState, Profile, QuestionSet, with_contact
from ojak_client.sharing import SLACK_BYTES
from ojak_client.vault_format import MAX_CONTENT_BYTES
from ojak_protocol.meeting_point import DIES_AT
from tests import people
from tests.bench.measure import Row
from tests.client.brimful import content_bytes
from tests.client.devices import WORDS, Device
from tests.client.persons import RELAY, letter, line_of, moment
from tests.client.replies import our

CONTACTS: Final = 50
LETTERS_EACH: Final = 12
CHILD: Final = """
import sys, time
from hashlib import blake2b
from ojak_client import opening
opening.argon2id = lambda secret, salt: blake2b(secret, salt=salt, digest_size=32).digest()
from ojak_client.cli import run
code = run(sys.argv[1:])
sys.stderr.write(f"{time.process_time_ns()}")
sys.exit(code)
"""


def full_profile(relay: str = RELAY) -> Profile:
    """Return fifty contacts with conversations, letters in every state, and as many numbers as fit.

    Some of the letters are sealed, unread letters wait, and what is encoded nearly fills a slot.
    """
    profile = Profile(references=CONTACTS * LETTERS_EACH)
    states = list(LetterState)
    for n in range(CONTACTS):
        ours = tuple(
            our(n * LETTERS_EACH + k + 1, state=states[k % len(states)], text="가" * 20)
            for k in range(LETTERS_EACH)
        )
        contact = Contact(
            f"사람 {n}",
            relay,
            lines=(line_of(people.meet().host),),
            ours=ours,
            theirs=tuple(letter("나" * 20, reference=k) for k in (1, 2, 3)),
            note="적어 둔 것",
        )
        profile = with_contact(profile, contact)
    profile = prepare(profile, relay, moment())[0]
    point = replace(people.new_point(), unconfirmed=DIES_AT - 1)
    for contact in profile.contacts:
        met = replace(contact, sets=(QuestionSet(point, ("물음",) * 3),))
        more = prepare(with_contact(profile, met), relay, moment())[0]
        # What is sealed next takes room as well: else nothing more would go.
        if content_bytes(more) > MAX_CONTENT_BYTES - SLACK_BYTES:
            break
        profile = more
    assert any(one.sets for one in profile.contacts)
    return profile


def status_cpu_ms(*options: str, repeats: int = 5) -> float:
    """Return the CPU time of `ojak status` in a process of its own, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        device = Device(Path(folder) / "own")
        device.keep_contact(Contact("x", RELAY))
        profile = full_profile()
        with device.store() as store:
            store.update(lambda _: (profile, None))
        return median(_one_run(device, options) for _ in range(repeats))


def rows() -> list[Row]:
    """Measure and give the lines."""
    return [
        Row("", f"status, {CONTACTS} contacts{said}", f"{ms:.0f} ms", "300 ms", "")
        for said, ms in (("", status_cpu_ms()), (", --json", status_cpu_ms("--json")))
    ]


def _one_run(device: Device, options: tuple[str, ...]) -> float:
    reading, writing = os.pipe()
    os.write(writing, f"{WORDS}\n".encode())
    os.close(writing)
    try:
        ended = subprocess.run(
            [
                *(sys.executable, "-c", CHILD, "status", *options),
                *("--profile", str(device.folder), "--passphrase-fd", str(reading)),
            ],
            pass_fds=(reading,),
            capture_output=True,
            check=True,
        )
    finally:
        os.close(reading)
    assert len(ended.stdout.splitlines()) > CONTACTS
    return int(ended.stderr.splitlines()[-1].rpartition(b"\n")[2]) / 1e6
