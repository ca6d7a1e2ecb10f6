"""S1 to S3: what is installed was pinned, what is built can be built again, and both are known."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from gettext import GNUTranslations
from importlib import metadata
from pathlib import Path

import pytest
from hatch_build import LOCALE, compile_catalogues

from tests.docs.kit import ROOT, tracked
from tests.supply.lock import DEVELOPER, RELAY, numbers, pinned

LEAST = {
    # From these versions on what was found is mended, as far as it is published.
    "aiohttp": "3.14.4",  # CVE-2025-69223, CVE-2026-128131
    "cbor2": "6.2",  # CVE-2025-68131, CVE-2026-26209
    "cryptography": "48",
    "pynacl": "1.6.2",  # CVE-2025-69277
    "idna": "3.7",  # CVE-2024-3651
}
"""The least version of packages in which something was found."""


# S1


def installed(lock: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Fetch the first small package of *lock* as the image does, into *folder*."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder),
            *("--require-hashes", "--only-binary", ":all:", "--requirement", lock),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_s1_a_package_whose_hash_is_another_is_not_installed(tmp_path: Path) -> None:
    text = RELAY.read_text(encoding="utf-8")
    package = re.search(r"^click==.*?(?=^[a-z])", text, re.MULTILINE | re.DOTALL)
    assert package is not None
    lock = tmp_path / "lock.txt"
    # One digit of every hash is another, as if other files had been put in their places.
    lock.write_text(
        re.sub(r"(sha256:)(.)", lambda m: m[1] + ("0" if m[2] != "0" else "1"), package[0])
    )
    refused = installed(lock, tmp_path / "refused")
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "refused" / "click").exists()
    lock.write_text(package[0])
    assert installed(lock, tmp_path / "taken").returncode == 0
    assert (tmp_path / "taken" / "click").exists()


def _without_remarks(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def test_s1_every_package_is_pinned_with_hashes_and_no_file_names_an_index() -> None:
    for file in (RELAY, DEVELOPER):
        assert len(pinned(file)) > 10
        for package in pinned(file).values():
            assert package.hashes, package.name
        # Nor any option but those of a package: no place where packages are to come from.
        assert set(re.findall(r"--[a-z-]+", _without_remarks(file))) == {"--hash"}


def test_s1_the_image_has_no_package_that_the_developers_do_not_test() -> None:
    relay, developer = pinned(RELAY), pinned(DEVELOPER)
    assert {name: relay[name] for name in relay} == {name: developer[name] for name in relay}


# S2


def built(folder: Path) -> Path:
    """Build the wheel once, and return it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1767225600"},
        capture_output=True,
        check=True,
    )
    return next(folder.iterdir())


def test_s2_a_client_that_starts_during_a_build_reads_whole_catalogues(tmp_path: Path) -> None:
    folder = tmp_path / "ko" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    shutil.copy(LOCALE / "ko" / "LC_MESSAGES" / "ojak.po", folder)
    (folder / "ojak.mo").write_bytes(b"the former one, whole")
    with (folder / "ojak.mo").open("rb") as opened:
        compile_catalogues(tmp_path)
        assert opened.read() == b"the former one, whole"
    with (folder / "ojak.mo").open("rb") as opened:
        assert GNUTranslations(opened).info()["language"] == "ko"
    assert {path.name for path in folder.iterdir()} == {"ojak.po", "ojak.mo"}


def test_s2_the_wheel_built_twice_is_the_same(tmp_path: Path) -> None:
    first, second = built(tmp_path / "first"), built(tmp_path / "second")
    sums = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in (first, second)}
    assert len(sums) == 1
    with zipfile.ZipFile(first) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    for package in ("protocol/ojak_protocol", "relay/ojak_relay", "client/ojak_client"):
        modules = {
            path.relative_to(ROOT / package.split("/")[0]) for path in tracked(f"{package}/*")
        }
        here = {str(module) for module in modules if module.suffix == ".py"}
        assert here <= held
    assert not any("tests" in name or name.endswith(".po.bak") for name in held)


# S3


def present() -> dict[str, tuple[int, ...]]:
    """Return the packages that are installed here, by the names of the lock."""
    return {
        re.sub(r"[-_.]+", "-", package.name).lower(): numbers(package.version)
        for package in metadata.distributions()
    }


def test_s3_what_is_installed_is_what_is_pinned() -> None:
    here = present()
    for name, package in pinned(RELAY).items():
        assert here[name] == package.version, name
    unknown = here.keys() - pinned(DEVELOPER).keys()
    # pip installs the others; `make requirements` brings uv.
    assert unknown <= {"ojak", "pip", "setuptools", "uv", "wheel"}


def too_old(packages: dict[str, tuple[int, ...]]) -> list[str]:
    held = LEAST.keys() & packages
    return sorted(name for name in held if packages[name] < numbers(LEAST[name]))


@pytest.mark.parametrize("file", [RELAY, DEVELOPER], ids=lambda file: file.name)
def test_s3_no_package_is_older_than_the_mending_of_what_was_found_in_it(file: Path) -> None:
    versions = {name: package.version for name, package in pinned(file).items()}
    assert too_old(versions) == []
    assert len(LEAST.keys() & versions) >= 3
    assert too_old(versions | {"cbor2": (6, 1, 9)}) == ["cbor2"]
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("aiohttp", "cbor2", "cryptography", "pynacl"):
        least = re.search(rf'"{name}>=([\d.]+)"', declared)
        assert least is not None
        assert numbers(least[1]) >= numbers(LEAST[name])
