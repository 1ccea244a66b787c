"""`expfam demo`: does what was put in come out again, and how long does it take?"""

from math import isnan
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

import expfam
from expfam.cli.files import destination, write
from expfam.cli.frames import Column, lay_out
from expfam.cli.terminal import COLD, NOT_CONVERGED, VERDICTS, console, say, watched
from expfam.kernels.ready import renting

if TYPE_CHECKING:
    from rich.text import Text

    from expfam.fit import Fit
    from expfam.portfolio import Portfolio

HINTS = {
    "the same from a file": "expfam demo --out portfolio.parquet\n"
    'expfam fit portfolio.parquet "ClaimNb ~ Area + bs(DrivAge, df=5) + log(Density)" \\\n'
    "    --family poisson --exposure Exposure --save model.json",
    "predictions": "expfam predict model.json portfolio.parquet --interval confidence --out predictions.parquet",
    "the mathematics": "expfam explain poisson",
}


def demo(
    rows: Annotated[int, typer.Option(help="Policies to simulate.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same portfolio.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Keep the portfolio here, as .parquet or .csv.")] = None,
) -> None:
    """Simulate a motor portfolio with known coefficients, fit it, and compare."""
    if out is not None:
        destination("--out", out, suffixes=(".parquet", ".csv"))
    screen = console()
    began = perf_counter()
    portfolio = expfam.simulate_portfolio(rows, seed)
    simulated = perf_counter() - began
    screen.print(
        f"\n[bold]{rows:,} motor policies[/], simulated from known coefficients in {simulated:.1f} s (seed {seed})"
    )
    screen.print(portfolio.formula, style="cyan", markup=False, soft_wrap=False)
    (fitted, first), (_, again) = _fit(portfolio), _fit(portfolio)
    lay_out(_recovered(portfolio, fitted), keys=1)
    screen.print(_verdict(portfolio, fitted))
    for label, seconds in (
        ("first fit, with all that it loads", first),
        ("the same fit again", again),
    ):
        screen.print(f"  [bold]{seconds:5.2f} s[/]  {rows / seconds:>11,.0f} rows/s  {label}")
    if renting():
        screen.print(f"  {COLD}", style="dim")
    if out is not None:
        write(portfolio.data, out)
        screen.print(f"\nThe portfolio is in {out}", markup=False)
    screen.print("\n[bold]Next[/]")
    for label, command in HINTS.items():
        screen.print(f"  [dim]# {label}[/]\n  " + command.replace("\n", "\n  "))
    if not fitted.converged:
        say("not converged", fitted.certificate.status.value)
        raise typer.Exit(NOT_CONVERGED)


def _fit(portfolio: "Portfolio") -> tuple["Fit", float]:
    """The fit, and its seconds."""
    began = perf_counter()
    fitted = expfam.glm(
        portfolio.formula, portfolio.data, family="poisson", exposure="Exposure", progress=watched(None)
    )
    return fitted, perf_counter() - began


def _recovered(portfolio: "Portfolio", fitted: "Fit") -> list[Column]:
    """Truth beside estimate, and how many standard errors lie between."""
    from rich.text import Text

    rows = []
    for name, coef, se in zip(fitted.names, fitted.coef, fitted.se, strict=True):
        truth = portfolio.truth[name]
        z = (coef - truth) / se
        style = "dim" if isnan(z) else "green" if abs(z) < 2 else "yellow" if abs(z) < 3 else "red"
        cells = (Text(f"{value:.4f}".replace("nan", "NA")) for value in (truth, coef, se))
        rows.append((Text(name), *cells, Text(f"{z:+.2f}".replace("+nan", "NA"), style)))
    titles = ("Coefficient", "Truth", "Estimate", "Std. error", "Off by (se)")
    return [Column(title, [row[k] for row in rows], text=k == 0) for k, title in enumerate(titles)]


def _verdict(portfolio: "Portfolio", fitted: "Fit") -> "Text":
    """How many 95% intervals hold the truth, and the certificate."""
    from rich.text import Text

    truth = [portfolio.truth[name] for name in fitted.names]
    ends = fitted.confint()
    hits = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum())
    expected = f"{0.95 * len(truth):.1f} are expected"
    text = Text(f"{hits} of {len(truth)} intervals of level 95% hold the truth; {expected}\n{fitted.certificate}")
    for pattern, style in VERDICTS:
        text.highlight_regex(pattern, style)
    return text
