"""`python -m benchmarks [problem ...] [--repeat 3] [--against glum statsmodels sklearn] [--markdown FILE]`."""

import argparse
import sys
from pathlib import Path

from benchmarks import machine
from benchmarks.competitors import COMPETITORS
from benchmarks.data import Absent
from benchmarks.problems import PROBLEMS
from benchmarks.problems._problem import Settings
from benchmarks.table import Report

RIVALS = tuple(name for name in COMPETITORS if name != "expfam")


def main(arguments: list[str] | None = None) -> int:
    """Run problems one by one and print each table as soon as it is there."""
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
    settings = Settings(options.repeat, tuple(dict.fromkeys(options.against)), not options.no_memory)
    head = f"{machine.cpu()}, {machine.load()} at the start; {machine.versions(settings.against)}"
    print(head)
    reports: list[Report] = []
    for name in options.problems or PROBLEMS:
        try:
            reports.append(PROBLEMS[name].run(settings))
        except Absent as reason:
            print(f"\n{name} skipped: {reason}", flush=True)
        else:
            print(f"\n{reports[-1].text()}", flush=True)
    if options.markdown is not None:
        text = "\n".join([f"{head}\n", *(report.markdown() for report in reports)])
        options.markdown.write_text(text, encoding="utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser("python -m benchmarks", description="Speed, memory and accuracy on real data.")
    out.add_argument("problems", nargs="*", metavar="problem", help=f"all by default: {', '.join(PROBLEMS)}")
    out.add_argument("--repeat", type=int, default=3, help="laps after the warm-up; the median counts (default 3)")
    out.add_argument("--against", nargs="*", choices=RIVALS, default=["glum"], help="packages to race (default glum)")
    out.add_argument("--no-memory", action="store_true", help="do not measure memory")
    out.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown, too")
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
