"""`expfam stream FORMULA [SOURCE]`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expfam.cli import spelled
from expfam.cli.files import Decimal, Sep, destination, in_order, table
from expfam.cli.terminal import INTERRUPTED, console, say, watched
from expfam.errors import ExpfamError
from expfam.progress import progress as showing

if TYPE_CHECKING:
    from expfam.online import OnlineGLM

SHOWN = 10  # bad lines that are told one by one


def stream(
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help="Such as 'y ~ x + C(z)'.", show_default=False)],
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SOURCE]", help="A Parquet, CSV or NDJSON file, .gz too; else stdin.", show_default=False
        ),
    ] = None,
    family: Annotated[str | None, typer.Option(help="A family, such as poisson; gaussian if left out.")] = None,
    link: Annotated[str | None, typer.Option(help="A link; the family's own if left out.")] = None,
    kind: Annotated[str | None, typer.Option("--format", help="parquet, csv or ndjson (stdin: ndjson).")] = None,
    sep: Sep = None,
    decimal: Decimal = None,
    classes: Annotated[str | None, typer.Option(help="All labels of the response, 'no,yes'.")] = None,
    weights: Annotated[str | None, typer.Option(help="A column or an expression.")] = None,
    offset: Annotated[str | None, typer.Option(help="A column or an expression.")] = None,
    exposure: Annotated[str | None, typer.Option(help="An offset log(exposure), for a log link.")] = None,
    half_life: Annotated[float | None, typer.Option(help="Weight after which a row counts half.")] = None,
    hash_bits: Annotated[int | None, typer.Option(help="Hash the levels of factors into 2^bits buckets each.")] = None,
    solver: Annotated[
        str | None, typer.Option(help="Such as \"sgd(step='normalised')\" for many coefficients.")
    ] = None,
    every: Annotated[int, typer.Option(help="Report, and save, after so many rows.", min=1)] = 100_000,
    save: Annotated[Path | None, typer.Option(help="Write the state here; read it again with --resume.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on from the state in this file.")] = None,
    model: Annotated[Path | None, typer.Option(help="Write the fit here, for `expfam predict`.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a bad line instead of leaving it out.")] = False,
    progress: Annotated[bool | None, typer.Option("--progress/--no-progress", help="On in a terminal.")] = None,
) -> None:
    """Learn from rows as they come, one pass, with standard errors. Ctrl-C or SIGTERM saves, reports and exits."""
    in_order(formula, source, "FORMULA, then SOURCE")
    for flag, path in (("--save", save), ("--model", model)):
        if path is not None:
            destination(flag, path, inputs=[] if source is None else [source])
    learner = _learner(resume, formula, {
        "family": None if family is None else spelled.family(family), "link": link, "weights": weights,
        "offset": offset, "exposure": exposure,
        "half_life": half_life, "hash_bits": hash_bits, "solver": None if solver is None else spelled.sgd(solver),
        "classes": None if classes is None else [label.strip() for label in classes.split(",")],
    })  # fmt: skip
    place: Any = sys.stdin.buffer if source is None or str(source) == "-" else source
    watch = Watch(every, save, watched(progress), perf_counter(), learner.rows)
    try:
        with _stopped_gently():
            interrupted = _learn(learner, table(place, sep, decimal), kind, strict, watch)
    finally:
        if save is not None and (learner.rows > watch.before or not save.exists()):  # a state is not lost to a typo
            learner.save(save)
    if not learner.rows and not interrupted:
        raise ExpfamError(learner.stream.emptied or "no rows came; at least one is needed")
    if learner.rows == watch.before:
        say("warning", "no rows were added")
    if idle := learner.stream.idle:
        say("warning", idle)
    elif learner.rows:
        console().print(learner.summary(), markup=False)
    if model is not None:
        learner.fit.save(model)
    if interrupted:
        say("note", f"interrupted after {learner.rows:,} rows" + ("" if save is None else f"; the state is in {save}"))
        raise typer.Exit(INTERRUPTED)


def _learner(resume: Path | None, formula: str, options: dict[str, Any]) -> "OnlineGLM":
    """A new model, or the one that a file holds; ExpfamError where that is of another formula."""
    from expfam.online import OnlineGLM

    given = {name: value for name, value in options.items() if value is not None}
    if resume is None:
        return OnlineGLM(formula, **given)
    if given:
        flag = next(iter(given)).replace("_", "-")
        raise ExpfamError(f"--{flag} beside --resume: the state goes on as it was begun; leave --{flag} out")
    found = OnlineGLM.from_state(resume)
    before = found.stream.ask.request.formula
    if "".join(before.split()) != "".join(formula.split()):
        raise ExpfamError(f"--resume {resume} holds {before!r}, not {formula!r}; give the formula it was begun with")
    return found


@dataclass(frozen=True, slots=True)
class Watch:
    """After how many rows to tell and save, where to, whether someone looks on; when it began, after how many rows."""

    every: int
    save: Path | None
    live: bool
    began: float
    before: int

    def line(self, learner: "OnlineGLM") -> str:
        """1,200,000 rows, 850,000 a second, loss 0.3812: of all rows, those that came now, and all before learned."""
        memory = learner.stream.memory
        loss = "" if memory is None or not memory.weight else f", loss {memory.progressive / memory.weight:.5g}"
        speed = (learner.rows - self.before) / max(perf_counter() - self.began, 1e-9)
        return f"{learner.rows:,} rows, {speed:,.0f} a second{loss}"


@contextmanager
def _stopped_gently() -> Iterator[None]:
    """SIGTERM, by which a service is stopped, counts as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _learn(learner: "OnlineGLM", place: Any, kind: str | None, strict: bool, watch: Watch) -> bool:
    """Learn chunk by chunk, telling bad lines, and how it goes; saves on the way. Was it interrupted?"""
    left_out, at, interrupted = 0, watch.before, False
    with showing(watch.live, "waiting for rows") as show:
        try:
            for bad in learner.consuming(place, kind=kind, strict=strict):
                for line in bad[: max(SHOWN - left_out, 0)]:
                    say("note", f"line {line.line:,} left out: {line.reason}")
                left_out += len(bad)
                show(watch.line(learner))
                if learner.rows // watch.every > at // watch.every:
                    at = learner.rows
                    _report(learner, watch)
        except KeyboardInterrupt:
            interrupted = True
    if left_out:
        where = "told above" if left_out <= SHOWN else f"the first {SHOWN} are told above"
        say("warning", f"{left_out:,} {'line' if left_out == 1 else 'lines'} left out; {where}")
    if left_out and learner.rows == watch.before and not interrupted:
        raise ExpfamError("no line was a row, and nothing was learned; see the lines above, and --format")
    if watch.live and learner.rows > at:
        say("note", watch.line(learner))
    return interrupted


def _report(learner: "OnlineGLM", watch: Watch) -> None:
    """A line that stays, and the state."""
    if watch.live:
        say("note", watch.line(learner))
    if watch.save is not None:
        learner.save(watch.save)
