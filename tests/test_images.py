"""What a test sees on a copied disk is that copy, whatever else the machine has mounted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images import CannotMount, cut_copy, mounted, new_image


def test_a_copy_is_seen_as_it_is_while_a_namespace_has_the_one_before_mounted(
    tmp_path: Path,
) -> None:
    try:
        image = new_image(tmp_path / "image", mebibytes=8)
        with mounted(image) as folder:
            (folder / "number").write_text("1")
        with mounted(cut_copy(image)) as folder:
            assert (folder / "number").read_text() == "1"
            holds = subprocess.Popen(
                (shutil.which("unshare") or "unshare", "-m", "sh", "-c", "echo holds; exec cat"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert holds.stdout is not None
            if holds.stdout.readline() != "holds\n":
                pytest.skip("no namespaces of mounts here: nothing was checked")
        try:
            with mounted(image) as folder:
                (folder / "number").write_text("2")
            with mounted(cut_copy(image)) as folder:
                assert (folder / "number").read_text() == "2"
        finally:
            holds.communicate()
    except CannotMount as reason:
        pytest.skip(f"{reason}: nothing was checked")
