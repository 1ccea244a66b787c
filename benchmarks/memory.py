"""How much memory does one fit take? Each runs in a fresh process: `python -m benchmarks.memory REQUEST`, JSON."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.problem import Settings

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB: what the process holds before the fit, its input ready; at the peak of the fit; the arrays handed in."""

    before: float
    peak: float
    given: float

    @property
    def ratio(self) -> float:
        """(arrays handed in + growth during the fit) / arrays handed in; NaN where a path was handed in."""
        return (self.given + self.peak - self.before) / self.given if self.given else float("nan")


def measure(problem: str, case: int, contestant: str, settings: Settings) -> Memory | None:
    """The memory of one fit in a process of its own; None where the system does not tell."""
    request = json.dumps([problem, case, contestant, asdict(settings)])
    command = [sys.executable, "-m", "benchmarks.memory", request]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def size(given: Any) -> int:
    """Bytes of an array, a sparse matrix, or a frame with its text."""
    if hasattr(given, "memory_usage"):
        return int(given.memory_usage(index=False, deep=True).sum())
    if hasattr(given, "indptr"):
        return int(given.data.nbytes + given.indices.nbytes + given.indptr.nbytes)
    return int(getattr(given, "nbytes", 0))


def status(field: str, pid: int) -> float:
    """A field of /proc/PID/status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def main(request: str) -> None:
    """Load and compile on a few rows, prepare, forget the peak so far, fit once, print the figures as JSON."""
    from benchmarks.competitors import every
    from benchmarks.problems import PROBLEMS
    from benchmarks.race import timed

    problem, case, name, options = json.loads(request)
    settings = Settings(**options)
    chosen = next(c for c in (*every(), *PROBLEMS[problem].extra) if c.name == name)
    small = chosen.start(PROBLEMS[problem].tasks(settings.small())[case])
    timed(small)
    small.close()
    lap = chosen.start(PROBLEMS[problem].tasks(settings)[case])
    pid = lap.pid or os.getpid()
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = status("VmRSS", pid)
    timed(lap, settings.limit)
    peak = max(status("VmHWM", pid), before)
    lap.close()
    print(json.dumps(asdict(Memory(before, peak, sum(map(size, lap.given)) / MIB))))


if __name__ == "__main__":
    main(sys.argv[1])
