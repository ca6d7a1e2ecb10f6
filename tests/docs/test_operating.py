"""docs/operating.md and the Dockerfile know the relay as it is."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields

from ojak_relay.config import Config, load
from tests.docs.kit import ROOT
from tests.relay.kit import running

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def health_check(address: str) -> int:
    """Run the image's health check against a relay at *address*, and return its exit code."""
    command = json.loads(re.search(r"HEALTHCHECK .*?CMD (\[.*?\])\n", DOCKERFILE, re.DOTALL)[1])  # type: ignore[index]  # no match fails the test
    checked = subprocess.run(
        [sys.executable, *command[1:]],
        env=os.environ | {"OJAK_RELAY_LISTEN": address},
        capture_output=True,
        timeout=20,
        check=False,
    )
    return checked.returncode


def test_every_setting_of_the_relay_stands_in_the_page_with_its_default() -> None:
    for field in fields(Config):
        row = next(line for line in PAGE.splitlines() if f"`{field.name}`" in line)
        assert f"`{field.default}`" in row or (field.default == "" and "empty" in row)


def test_the_image_sets_only_what_the_relay_knows() -> None:
    given = dict(re.findall(r"(OJAK_RELAY_[A-Z_]+)=(\S+)", DOCKERFILE.partition("ENV ")[2]))
    config = load({}, given)
    assert config.path.startswith("/var/lib/ojak/")
    assert f"EXPOSE {config.address()[1]}\n" in DOCKERFILE


def test_what_the_image_copies_is_here_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    assert len(copied) == 3
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}\n" in ignored


def test_the_image_runs_as_a_numeric_user_that_is_not_root_and_needs_no_shell() -> None:
    assert re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups() == ("65532", "65532")  # type: ignore[union-attr]  # as above
    for word in ("ENTRYPOINT", "CMD"):
        assert re.search(rf"^{word} \[", DOCKERFILE, re.MULTILINE)


def test_the_health_check_tells_a_running_relay_from_none() -> None:
    with running("--store", "memory") as relay:
        assert health_check(f"0.0.0.0:{relay.port}") == 0
        relay.stop()
        assert health_check(f"0.0.0.0:{relay.port}") != 0
