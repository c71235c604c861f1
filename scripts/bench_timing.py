"""What scripts/bench.py measures with: commands that take turns, medians and their ratio."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple


def report(what: str, ours: list[float], theirs: list[float], peer: str) -> None:
    """Print both medians and their ratio."""
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{what}: {a * 1e3:.1f} ms, {peer}: {b * 1e3:.1f} ms, ratio {a / b:.2f}")


class Seconds(NamedTuple):
    """What a command takes, all of its processes together."""

    processor: float
    wall: float


def seconds_of(command: list[str], folder: str) -> Seconds:
    """Run a command and return what it takes."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    nowhere = subprocess.DEVNULL
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=nowhere, stderr=nowhere, cwd=folder, env=environment)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Seconds(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def taking_turns(commands: list[list[str]], folder: str, runs: int) -> list[list[Seconds]]:
    """Return times of each command, run in turns so that a busy machine slows all alike."""
    times: list[list[Seconds]] = [[] for _ in commands]
    for command in commands:
        seconds_of(command, folder)
    for _ in range(runs):
        for command, found in zip(commands, times, strict=True):
            found.append(seconds_of(command, folder))
    return times


def report_both(what: str, ours: list[Seconds], theirs: list[Seconds], peer: str) -> None:
    """Print a line for processor time, and one by the clock."""
    for way, index in (("processor time", 0), ("wall", 1)):
        report(f"{what}, {way}", [t[index] for t in ours], [t[index] for t in theirs], peer)


def timed(work: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started
