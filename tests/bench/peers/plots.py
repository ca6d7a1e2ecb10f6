"""Pictures of what was measured, as SVG: from a JSON file into a folder.

python -m tests.bench.peers.plots FIGURES.json FOLDER
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
# The same figures give the same bytes, and no date.
mpl.rcParams["svg.hashsalt"] = "ojak"

from matplotlib import pyplot as plt  # noqa: E402 - after the backend was chosen

NO_DATE = {"Date": None, "Creator": None}


def main(figures: Path, folder: Path) -> None:
    measured = json.loads(figures.read_text(encoding="utf-8"))
    _growth(measured["growth"], folder / "growth.svg")
    _peers(measured["peers"], folder / "peers.svg")


def _growth(growth: list[dict[str, float]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot([one["boxes"] for one in growth], [one["cpu_us"] for one in growth], marker="o")
    axes.set(xscale="log", ylim=(0, None), xlabel="boxes", ylabel="CPU µs a cycle")
    axes.set_title("A box deposited, collected and deleted")
    figure.savefig(path, metadata=NO_DATE)


def _peers(peers: dict[str, float], path: Path) -> None:
    names = sorted(peers, key=peers.__getitem__)
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    colours = ["tab:blue" if name.startswith("our relay") else "tab:gray" for name in names]
    axes.barh(names, [peers[name] for name in names], color=colours)
    axes.set(xscale="log", xlabel="cycles a CPU-second (logarithmic)")
    figure.savefig(path, metadata=NO_DATE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
