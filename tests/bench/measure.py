"""Measuring: CPU time, repeated, as a median with its spread, and the lines of the report."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    id: str
    figure: str
    measured: str
    target: str
    beyond: str


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU milliseconds of one call."""

    median_ms: float
    p90_ms: float


def cpu_time(call: Callable[[], object], *, repeats: int) -> Timing:
    """Return the CPU time of *call* over *repeats* calls, after a tenth of them to warm up."""
    for _ in range(max(1, repeats // 10)):
        call()
    gc.collect()
    times = []
    for _ in range(repeats):
        start = time.process_time_ns()
        call()
        times.append((time.process_time_ns() - start) / 1e6)
    return Timing(median(times), quantiles(times, n=10)[-1])
