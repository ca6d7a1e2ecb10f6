"""Builds the image with buildah, in a store of its own, and tells what is in it."""

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

from tests.docs.kit import ROOT

BASE: Final = "localhost/ojak-check-base"
IMAGE: Final = "localhost/ojak-check"
CERTIFICATES: Final = "/etc/ssl/certs"
BUNDLE: Final = f"{CERTIFICATES}/ca-certificates.crt"
PYTHON: Final = "docker.io/library/python:3.13-slim"
CADDY: Final = "docker.io/library/caddy:2-alpine"
VALKEY: Final = "docker.io/valkey/valkey:8.1-alpine"


class Builder:
    """buildah with chroot isolation, all of it in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = ("--root", str(folder / "images"), "--runroot", str(folder / "run"))

    def run(self, *words: str) -> str:
        """Run buildah and return what it says."""
        done = subprocess.run(
            ("buildah", *self._store, *words),  # noqa: S607 - any one
            cwd=ROOT,
            env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return done.stdout.strip()

    def make_base(self) -> str:
        """Make a Debian with its Python, and return its name: no registry of images is needed."""
        root = self._folder / "debian"
        packages = "python3,python3-venv,python3-pip,ca-certificates"
        made = ("debootstrap", "--variant=minbase", f"--include={packages}", "trixie", str(root))
        subprocess.run(made, stdout=subprocess.DEVNULL, check=True)
        (root / "usr/bin/python").symlink_to("python3")
        archive = self._folder / "debian.tar"
        with tarfile.open(archive, "w") as tar:
            for name in sorted(os.listdir(root)):  # noqa: PTH208 - names
                # Of what the system itself fills, the place alone.
                tar.add(root / name, arcname=name, recursive=name not in {"dev", "proc", "sys"})
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(archive), "/")
        self.run("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
        self.run("commit", "--quiet", container, BASE)
        self.run("rm", container)
        return BASE

    def build(self, base: str) -> dict[str, Any]:
        """Build the Dockerfile on *base* and return what the image says of itself."""
        # Docker's own format: the other one has no place for a health check.
        words = ("--format", "docker", "--quiet", "--build-arg", f"PYTHON={base}")
        labels = ("--build-arg", "VERSION=0.1", "--build-arg", "REVISION=checked")
        certificates = ("--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro")
        self.run("bud", *words, *labels, *certificates, "--tag", IMAGE, ".")
        told: dict[str, Any] = json.loads(self.run("inspect", "--type", "image", IMAGE))["Docker"]
        return told

    def name_for_compose(self, base: str) -> None:
        """Give the names that compose.yaml asks a registry for to a Debian with the same programs.

        Of the real images it has what compose.yaml leans on: Caddy may take the ports by its
        file, and keeps its certificates under /data. Their entry points are not used there.
        """
        container = self.run("from", base)
        self.run("copy", "--quiet", container, BUNDLE, BUNDLE)
        self.run("commit", "--quiet", container, PYTHON)
        packages = "caddy valkey-server libcap2-bin"
        install = (
            f"apt-get update -qq && apt-get install -qq --no-install-recommends {packages}"
            " && /usr/sbin/setcap cap_net_bind_service=+ep /usr/bin/caddy && mkdir /config /data"
        )
        self.run("run", container, "--", "sh", "-c", f"({install}) </dev/null >/dev/null 2>&1")
        folders = ("--env", "XDG_CONFIG_HOME=/config", "--env", "XDG_DATA_HOME=/data")
        self.run("config", *folders, container)
        self.run("commit", "--quiet", container, CADDY)
        self.run("tag", CADDY, VALKEY)
        self.run("rm", container)

    def mounted(self) -> Path:
        """Return the folder in which the root of the image lies."""
        return Path(self.run("mount", self.run("from", IMAGE)))
