"""The check of each module's own tests finds what they lack, also where another's tests go by."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.coverage_of_protocol import own_tests

PLANTED = {
    "planted/__init__.py": "",
    "planted/signs.py": """
def sign(number):
    if number < 0:
        return "minus"
    return "plus"
""",
    "planted/sums.py": """
from planted.signs import sign
def signed(number):
    return sign(number) + " " + str(abs(number))
""",
    "tests/test_signs.py": """
from planted.signs import sign
def test_a_number_has_a_sign():
    assert sign(1) == "plus"
""",
    "tests/test_sums.py": """
from planted.sums import signed
def test_a_number_below_nothing_is_signed():
    assert signed(-1) == "minus 1"
""",
}
MORE = """
from planted.signs import sign
LOW = sign(-1)
def test_a_number_below_nothing_has_another_sign():
    assert LOW == "minus"
"""
PROGRAM = """
import pathlib
from tests.coverage_of_protocol import measure
code, missing = measure("planted", pathlib.Path("tests"), ["-p", "no:cacheprovider"])
print(*missing, sep="\\n")
raise SystemExit(code)
"""


def measured(folder: Path, files: dict[str, str]) -> list[str]:
    """What the check says of these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path[:0] = ['.', {str(root)!r}]\n{PROGRAM}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ".py (" in line]


def test_a_branch_that_only_another_modules_tests_take_is_named(tmp_path: Path) -> None:
    (missing,) = measured(tmp_path, PLANTED)
    assert missing == "signs.py (test_signs.py) lacks line 4, branch 3 to 4"


def test_a_second_file_of_own_tests_counts_with_what_it_does_when_imported(tmp_path: Path) -> None:
    assert measured(tmp_path, PLANTED | {"tests/test_signs_below.py": MORE}) == []


def test_a_module_without_tests_of_its_own_lacks_all_of_its_functions(tmp_path: Path) -> None:
    files = {name: text for name, text in PLANTED.items() if name != "tests/test_signs.py"}
    (missing,) = measured(tmp_path, files)
    assert missing.startswith("signs.py (no test of its own) lacks line 3, line 4, line 5")


def test_what_another_files_tests_have_put_into_a_cache_is_computed_again(tmp_path: Path) -> None:
    files = {
        "planted/__init__.py": "",
        "planted/squares.py": """
from functools import cache
@cache
def square(number):
    return number * number
""",
    }
    for name in ("areas", "squares"):
        files[f"tests/test_{name}.py"] = """
from planted.squares import square
def test_two_is_squared():
    assert square(2) == 4
"""
    assert measured(tmp_path, files) == []


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("test_box", "box"),
        ("test_box_of_sand", "box_of"),
        ("test_box_on_sand", "box"),
        ("test_boxes", None),
        ("test_of", None),
    ],
)
def test_a_test_file_belongs_to_the_longest_module_name_it_begins_with(
    file: str, owner: str | None
) -> None:
    own = own_tests(["box", "box_of"], [file])
    assert own == {name: (file,) if name == owner else () for name in ("box", "box_of")}
