"""Every branch of every module of `protocol` is taken by that module's own tests.

The own tests of `ojak_protocol/box.py` are `tests/protocol/test_box.py` and `test_box_*.py`. What
another module's tests take on their way counts for nothing: whoever changes a module finds all
that it promises beside it. All tests run once, and each branch is noted with the file of the test
that took it.
"""

import json
import os
import pkgutil
import sys
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final

import pytest
from coverage import Coverage

WHEN_IMPORTED: Final = "when imported"
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Missing:
    """What of one module its own tests never do."""

    module: str
    files: tuple[str, ...]
    lines: tuple[int, ...]
    branches: tuple[tuple[int, int], ...]
    """From which line to which; negative: to the end of what begins there."""

    def __str__(self) -> str:
        own = " and ".join(f"{name}.py" for name in self.files) or "no test of its own"
        branches = [f"{start} to {end if end > 0 else 'the end'}" for start, end in self.branches]
        what = [f"line {line}" for line in self.lines] + [f"branch {branch}" for branch in branches]
        return f"{self.module}.py ({own}) lacks {', '.join(what)}"


def own_tests(modules: Iterable[str], files: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for each of *modules* which of *files* are its own tests, by their names' stems.

    A file belongs to the longest module name it begins with, and to no other.
    """
    own: dict[str, tuple[str, ...]] = dict.fromkeys(modules, ())
    for file in sorted(files):
        owners = [name for name in own if f"{file}_".startswith(f"test_{name}_")]
        if owners:
            own[max(owners, key=len)] += (file,)
    return own


class _Noting:
    """Has coverage note with each line the stem of the test file that runs."""

    def __init__(self, measured: Coverage, modules: Iterable[ModuleType]) -> None:
        self._measured = measured
        self._cached = [
            value
            for module in modules
            for value in vars(module).values()
            if hasattr(value, "cache_clear")
        ]
        self._file = NOBODY

    def _begins(self, file: str) -> None:
        if file == self._file:
            return
        self._file = file
        self._measured.switch_context(file)
        # What another file's tests had computed would else not be computed for this one.
        for function in self._cached:
            function.cache_clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """What a test file prepares when it is imported is its own as well."""
        self._begins(collector.path.stem)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test is all of it: its fixtures, itself, and what ends it."""
        self._begins(item.path.stem)
        return (yield)


def measure(package: str, tests: Path, arguments: Iterable[str]) -> tuple[int, list[Missing]]:
    """Run the tests in *tests*; return pytest's exit code and what the modules of *package* lack.

    Nothing of *package* may have been imported before.
    """
    measured = Coverage(data_file=None, config_file=False, branch=True, source=[package])
    # mypy proves that nothing gets there.
    measured.exclude(r"\bassert_never\(")
    with measured.collect():
        # Whoever is first to import a module runs what stands outside its functions.
        measured.switch_context(WHEN_IMPORTED)
        modules = {
            name: import_module(f"{package}.{name}")
            for _, name, _ in pkgutil.iter_modules(import_module(package).__path__)
        }
        measured.switch_context(NOBODY)
        code = pytest.main(
            [str(tests), "-q", *arguments], plugins=[_Noting(measured, modules.values())]
        )
    own = own_tests(modules, [path.stem for path in tests.glob("test_*.py")])
    found = [
        _missing(measured, name, str(module.__file__), own[name])
        for name, module in modules.items()
    ]
    return int(code), [missing for missing in found if missing is not None]


def _missing(measured: Coverage, module: str, path: str, files: tuple[str, ...]) -> Missing | None:
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        contexts = f"^({'|'.join((WHEN_IMPORTED, *files))})$"
        measured.json_report(morfs=[path], outfile=str(report), contexts=[contexts])
        (found,) = json.loads(report.read_text())["files"].values()
    lines, branches = found["missing_lines"], found["missing_branches"]
    if not lines and not branches:
        return None
    return Missing(module, files, tuple(lines), tuple((start, end) for start, end in branches))


def main() -> None:
    """Run the check and say what is missing."""
    # The examples that hypothesis takes must be the same each time, or a branch may be taken today
    # and missed tomorrow.
    os.environ["CI"] = "true"
    tests = Path(__file__).parent / "protocol"
    code, missing = measure("ojak_protocol", tests, sys.argv[1:])
    for one in missing:
        print(one)  # noqa: T201 - what the command is for
    if code or missing:
        sys.exit(code or 1)
    print("every branch of protocol is taken by its module's own tests")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
