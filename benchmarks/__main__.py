"""`python -m benchmarks [problem ...] [--repeat 5] [--against glum sklearn ...] [--quick] [--output DIR]`."""

import argparse
import sys
from pathlib import Path

from benchmarks import machine, page
from benchmarks.competitors import COMPETITORS
from benchmarks.data import Absent
from benchmarks.problem import Settings
from benchmarks.problems import PROBLEMS

RIVALS = tuple(name for name in COMPETITORS if name != "expfam")


def main(arguments: list[str] | None = None) -> int:
    """Run problems one by one, print each table as soon as it is there, and keep it where --output says."""
    command = parser()
    options = command.parse_args(arguments)
    if options.list:
        print(listing())
        return 0
    unknown = [name for name in options.problems if name not in PROBLEMS]
    if unknown or options.repeat < 1:
        command.error(
            f"no problem {unknown[0]!r}; there are {', '.join(PROBLEMS)}" if unknown else "--repeat is at least 1"
        )
    against = tuple(dict.fromkeys(options.against))
    settings = Settings(options.repeat, against, not options.no_memory, options.quick, options.levels, options.limit)
    head = machine.head(against)
    print(head)
    for name in options.problems or PROBLEMS:
        run(name, settings, head, options.output)
    if options.output is not None:
        print(f"\nwritten: {page.rebuild(options.output, tuple(PROBLEMS))}")
    return 0


def run(name: str, settings: Settings, head: str, output: Path | None) -> None:
    """One problem: its tables on the screen, and as a part of the page."""
    try:
        reports = PROBLEMS[name].run(settings)
    except Absent as reason:
        print(f"\n{name} skipped: {reason}", flush=True)
        return
    for report in reports:
        print(f"\n{report.text()}", flush=True)
    if output is not None:
        page.keep(output, page.Part(name, PROBLEMS[name].question, head, settings.quick, reports))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser("python -m benchmarks", description="Speed, memory and accuracy on real data.")
    out.add_argument("problems", nargs="*", metavar="problem", help=f"all by default: {', '.join(PROBLEMS)}")
    out.add_argument("--repeat", type=int, default=5, help="laps after the warm-up; the median counts (default 5)")
    out.add_argument("--against", nargs="*", choices=RIVALS, default=RIVALS, help="packages to race (default all)")
    out.add_argument("--no-memory", action="store_true", help="do not measure memory")
    out.add_argument("--quick", action="store_true", help="a small share of the rows: does everything run?")
    out.add_argument("--levels", type=int, default=50_000, help="levels of the problem `factor` (default 50000)")
    out.add_argument("--limit", type=float, default=300.0, help="seconds after which a fit is stopped (default 300)")
    out.add_argument("--output", type=Path, metavar="DIR", help="keep the tables there, and rebuild its page and plot")
    out.add_argument("--list", action="store_true", help="name the problems and the competitors, and stop")
    return out


def listing() -> str:
    """Every problem with its question, every competitor with its manners."""
    width = max(map(len, (*PROBLEMS, *COMPETITORS)))
    problems = [f"  {name:{width}}  {problem.question}" for name, problem in PROBLEMS.items()]
    rivals = [
        f"  {name:{width}}  {'; '.join(c.manner for c in manners) if machine.installed(name) else 'not installed'}"
        for name, manners in COMPETITORS.items()
    ]
    return "\n".join(["problems", *problems, "competitors", *rivals])


if __name__ == "__main__":
    sys.exit(main())
