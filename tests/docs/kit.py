"""What the tests of the documents share: the tracked files, and the headings of a page."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
FENCED = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def tracked(pattern: str = "*") -> list[Path]:
    """Return the files of the repository that match *pattern*, new ones included."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", pattern),  # noqa: S607 - any git will do
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def without_code(text: str) -> str:
    """Return *text* without its fenced blocks, whose lines may look like headings and links."""
    return FENCED.sub("", text)


def headings(page: Path) -> list[str]:
    return [found[2] for found in HEADING.finditer(without_code(page.read_text(encoding="utf-8")))]
