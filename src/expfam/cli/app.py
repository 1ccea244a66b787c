"""`expfam COMMAND`: one file a command, listed here."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOWrapper
from typing import Annotated, TextIO, cast

import typer

import expfam
from expfam.cli.anova import anova
from expfam.cli.compare import compare
from expfam.cli.demo import demo
from expfam.cli.explain import explain
from expfam.cli.fit import fit
from expfam.cli.outlet import Outlet
from expfam.cli.plot import plot
from expfam.cli.predict import predict
from expfam.cli.relativities import relativities
from expfam.cli.report import report
from expfam.cli.stream import stream
from expfam.cli.terminal import BAD_INPUT, Command, Reporting, say
from expfam.cli.warmup import warmup

app = typer.Typer(
    cls=Reporting,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the fit has not converged, 2 bad input.",
)
for command in (demo, fit, stream, predict, anova, relativities, compare, plot, report, explain, warmup):
    app.command(cls=Command)(command)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"expfam {expfam.__version__}")
        raise typer.Exit


@app.callback()
def expfam_(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Generalized linear models: from a formula and a file to a certified fit."""


def main() -> None:
    """Run the command line: exit code 0 done, 1 not converged, 2 bad input, 130 interrupted."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):
            output.reconfigure(errors="replace")  # an old code page shows ? for psi instead of failing
    out, err = Outlet(sys.stdout), Outlet(sys.stderr)
    with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
        try:
            try:
                app(prog_name="expfam")
            finally:
                out.flush()
        except OSError as error:  # of the help and the version, which are written before a command runs
            say("error", str(error))
            raise SystemExit(BAD_INPUT) from None
