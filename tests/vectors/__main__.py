"""Writes the vectors anew: `python -m tests.vectors`."""

from tests.vectors.files import MAKERS, written
from tests.vectors.notation import FOLDER

for name, make in MAKERS.items():
    (FOLDER / name).write_text(written(make()), encoding="utf-8")
