"""The models: TLC finds what they promise and every planted fault; verdicts fit their models."""

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.models.tlc import MODELS, CannotRun, check, configurations, jar

DOCS = MODELS.parent
PROVERIF = DOCS / "proverif"
SMALL = [path for path in configurations() if path.stem.endswith(".small")]
FAULTS = [path for path in configurations() if ".fault-" in path.stem]
SYMBOLIC = sorted(PROVERIF.glob("*.pv"))


@pytest.fixture(scope="module")
def tools() -> Path:
    try:
        return jar()
    except CannotRun as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("configuration", SMALL, ids=lambda path: path.stem)
def test_every_property_holds_in_the_smallest_bounds(configuration: Path, tools: Path) -> None:
    found = check(configuration, tools)
    assert found.outcome == "holds"
    assert re.search(rf"`{configuration.stem}`.*\| {found.states:,} \|", _readme())


@pytest.mark.parametrize("configuration", FAULTS, ids=lambda path: path.stem)
def test_every_planted_fault_is_found(configuration: Path, tools: Path) -> None:
    found = check(configuration, tools)
    assert found.outcome.startswith("violates ")
    assert found.as_expected


def test_a_configuration_that_ends_otherwise_is_noticed(tools: Path, tmp_path: Path) -> None:
    name = "DeleteAfterRecord"
    shutil.copy(MODELS / f"{name}.tla", tmp_path)
    faulty = (MODELS / f"{name}.fault-deleted.cfg").read_text()
    claim = tmp_path / f"{name}.claim.cfg"
    claim.write_text(re.sub(r"expect: .*", "expect: holds", faulty, count=1))
    assert not check(claim, tools).as_expected


def test_each_model_has_a_small_bound_a_fault_and_a_way_to_its_end() -> None:
    for module in MODELS.glob("*.tla"):
        kinds = {
            path.stem.partition(".")[2].split("-")[0]
            for path in MODELS.glob("*.cfg")
            if path.name.startswith(f"{module.stem}.")
        }
        assert {"", "small", "fault", "reaches"} <= kinds


def test_without_java_one_sentence_says_what_to_install() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.models"],
        env={**os.environ, "PATH": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == "the models need Java: install default-jre-headless\n"


@pytest.mark.parametrize("model", SYMBOLIC, ids=lambda path: path.stem)
def test_a_verdict_belongs_to_the_very_model_it_stands_beside(model: Path) -> None:
    version, digest, *results = model.with_suffix(".verdict").read_text().splitlines()
    assert re.fullmatch(r"ProVerif \d\.\d\d", version)
    assert digest == f"sha256 {sha256(model.read_bytes()).hexdigest()}"
    assert all(result.startswith("RESULT ") for result in results)
    assert len(results) == _questions(model.read_text())


@pytest.mark.parametrize("path", [*SYMBOLIC, *configurations()], ids=lambda path: path.stem)
def test_every_model_is_explained(path: Path) -> None:
    assert f"`{path.stem}`" in _readme()


def _readme() -> str:
    return (DOCS / "README.md").read_text()


def _questions(model: str) -> int:
    asked = len(re.findall(r"^(?:query|weaksecret)\b", model, flags=re.MULTILINE))
    return asked or int("choice[" in model)
