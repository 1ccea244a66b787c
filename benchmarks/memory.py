"""How much memory does one fit take? Run alone in a fresh process: `python -m benchmarks.memory problem contestant`."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.data import Absent


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB that the process holds before the fit, its input ready, and at the peak of the fit."""

    before: float
    peak: float


def measure(problem: str, contestant: str) -> Memory | None:
    """The memory of one fit in a process of its own; None where the system does not tell."""
    command = [sys.executable, "-m", "benchmarks.memory", problem, contestant]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def status(field: str) -> float:
    """A field of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def main(problem: str, contestant: str) -> None:
    """Prepare, forget the peak of the preparation, fit once, print both figures as JSON."""
    from benchmarks.competitors import contestants
    from benchmarks.problems import PROBLEMS
    from benchmarks.race import timed

    task = PROBLEMS[problem].task()
    chosen = next(c for c in contestants(task.family) if c.name == contestant)
    lap = chosen.start(task)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    timed(lap)
    print(json.dumps(asdict(Memory(before, status("VmHWM")))))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except Absent as reason:
        sys.exit(str(reason))
