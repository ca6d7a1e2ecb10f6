"""`make performance`: measure the relay, and write the table and the pictures of the document.

The figures are those of the machine it runs on; the document names it.
"""

import json
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.bench.measure import Row
from tests.bench.relay import growth, peers, several, shared, throughput

DOCUMENT = Path("docs/performance.md")
FOLDER = Path("docs/performance")
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"


def main() -> None:
    """Measure everything of the relay and write it down."""
    grown = growth.measure_growth()
    rates = peers.measure_peers()
    rows = [
        *throughput.rows(),
        *peers.rows_of(rates),
        *growth.rows_of(grown),
        *shared.rows(),
        *several.rows(),
    ]
    FOLDER.mkdir(exist_ok=True)
    figures = FOLDER / "figures.json"
    points = [{"boxes": size, "cpu_us": one.cpu_us_a_cycle} for size, one in sorted(grown.items())]
    text = json.dumps({"growth": points, "peers": rates}, indent=1, ensure_ascii=False)
    figures.write_text(f"{text}\n", encoding="utf-8")
    document = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + BEGIN + _table(rows) + END + after, encoding="utf-8")
    drawer = peers.PEERS / "python"
    if drawer.exists():
        plots = [str(drawer), "-m", "tests.bench.peers.plots", str(figures), str(FOLDER)]
        subprocess.run(plots, check=True)


def _table(rows: Iterable[Row]) -> str:
    day = datetime.now(tz=UTC).date()
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    machine = f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {system}"
    cells = ((one.id, one.figure, one.measured, one.target, one.beyond) for one in rows)
    lines = [
        f"Measured on {day} with `make performance`: {machine}.",
        "",
        "| | Figure | Measured | Target | Beyond |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(each)} |" for each in cells),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
