"""What a command costs: seconds, CPU-seconds and peak memory of its process and its workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

_INTERVAL_S = 0.5
# Ends the name of a file in which a command says what its work has cost.
WORK = "work"


@dataclass(frozen=True)
class Cost:
    """Of one process tree.

    Attributes
    ----------
    seconds, cpu_s : float
        On the clock, and of CPUs.
    peak_bytes : int
        Pages that several processes share count once.
    load : float
        Average of the machine in the minute before the end.
    work_cpu_s : float
        Of the CPU-seconds those after its start, where the command said so.
    """

    seconds: float
    cpu_s: float
    peak_bytes: int
    load: float = 0.0
    work_cpu_s: float = 0.0


def measured(command: list[str]) -> Cost:
    """Run a command to its end, and watch it; what it prints goes to standard error."""
    began, most = time.perf_counter(), 0
    child = subprocess.Popen(command, stdout=sys.stderr)
    watched = psutil.Process(child.pid)
    while True:
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        most = max(most, _tree_bytes(watched))
        time.sleep(_INTERVAL_S)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    # A peak between two looks is known for the largest process alone.
    peak = max(most, used.ru_maxrss * 1024)
    took = time.perf_counter() - began
    return Cost(took, used.ru_utime + used.ru_stime, peak, round(os.getloadavg()[0], 1))


def _tree_bytes(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss
    except psutil.Error:  # it ended between the listing and the look
        return 0
    return total


def say_work(file: Path, began: float) -> None:
    """Tell the journal in this file how much CPU was used since :func:`cpu_now` said ``began``."""
    Path(f"{file}.{WORK}").write_text(str(cpu_now() - began), "utf-8")


def cpu_now() -> float:
    """CPU-seconds of this process and of those of its workers that have ended."""
    return sum(os.times()[:4])


class Journal:
    """What was done and what it cost, in a file: a run that was killed goes on behind it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        self.costs = {
            name: Cost(**cost) for name, cost in (json.loads(line) for line in lines if line)
        }

    def do(self, name: str, command: list[str]) -> None:
        """Run what has not been run yet."""
        if name in self.costs:
            return
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}\n")
        said = Path(f"{self._file}.{WORK}")
        said.unlink(missing_ok=True)
        cost = measured(command)
        if said.is_file():
            cost = replace(cost, work_cpu_s=float(said.read_text("utf-8")))
            said.unlink()
        self.costs[name] = cost
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, asdict(cost)]) + "\n")

    def sum_of(self, names: list[str]) -> Cost:
        """Of steps that follow one another: their times together, and the largest peak."""
        costs = [self.costs[name] for name in names]
        return Cost(
            sum(each.seconds for each in costs),
            sum(each.cpu_s for each in costs),
            max(each.peak_bytes for each in costs),
            max(each.load for each in costs),
        )


def beside(cost: Cost) -> str:
    """Words on what else ran, for a row of seconds: two cores with less to do are idle."""
    return f" (load up to {cost.load:.0f})" if cost.load else ""
