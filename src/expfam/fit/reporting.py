"""Everything about a fit on one page. The functions are methods of `Fit`."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expfam.data.table import Table, read
from expfam.diagnostics.judged import judged
from expfam.errors import ExpfamWarning
from expfam.fit.validation import judged_by, predictors, table_of
from expfam.fit.verdicts import checked
from expfam.formula.learn import needed
from expfam.inference.optimum import silent
from expfam.outputs import destination, located, whole
from expfam.progress import progress as show_progress
from expfam.report.page import Page, assembled, writer
from expfam.report.study import Study
from expfam.source import Source
from expfam.terms import FormulaTerms

if TYPE_CHECKING:
    from expfam.fit import Fit

SUFFIXES = (".html", ".htm")
BESIDE = 40  # columns that the model does not use, up to which they are read, too


def report(
    fit: "Fit",
    path: str | PathLike[str],
    *,
    data: Any = None,
    holdout: Any = None,
    title: str | None = None,
    figures: bool = True,
    progress: bool = False,
) -> Path:
    """Can the model be trusted, and what does it say? One self-contained page of HTML; answers with its path.

    Warnings first, then the model as a formula, its data, certificate, coefficients and relativities, tests,
    diagnostics, calibration, and how it was computed. No network: figures stand in the page, which prints, and is dark
    where the reader's screen is.

    data      the rows, where a loaded or detached fit has none
    holdout   rows that were kept aside, with their response: they are judged beside those of the fit
    title     in place of "Poisson model of claims"
    figures   False: numbers only
    progress  a line on the terminal that tells the stage

    Needs Jinja2, and matplotlib for the figures: `pip install 'expfam[report]'`. ExpfamError, before any work, for a
    path that cannot be written.
    """
    return written(path, partial(contents, fit, data, holdout, title, figures), progress)


def written(path: str | PathLike[str], make: Callable[..., Page], progress: bool) -> Path:
    """The page that `make` makes, as a file."""
    target, render = destination("report", located(path), suffixes=SUFFIXES), writer()
    with show_progress(progress, "report") as tell:
        text = render(make(tell=tell))
    whole(target, lambda part: part.write_text(text, encoding="utf-8"))
    return target


def contents(
    fit: "Fit",
    data: Any = None,
    holdout: Any = None,
    title: str | None = None,
    figures: bool = True,
    tell: Callable[[str], None] = silent,
    advice: Callable[[str], str] = str,
) -> Page:
    """Everything that the report says, free of markup; `advice` puts what is to be done into the words of who asks."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ExpfamWarning)
        tell("report: reading the rows")
        study = replace(_study(fit, data, holdout, figures), advice=advice)
        return assembled(study, title, tell, lambda: [str(one.message) for one in caught])


def _study(fit: "Fit", data: Any, holdout: Any, figures: bool) -> Study:
    """Read the rows of a fit, or `data`, and those kept aside; keep them for all sections."""
    source, table, unread = _read(fit, fit._source(data))
    plain = replace(fit, source=source, kind="dict")
    plots = plain.plot.over().measured()
    seen = judged(plots.rows(), fit.dispersion, plain.kind)
    check = partial(checked, plain, plots.rows(), seen, plots.measures)
    study = Study(plain, table, plots, seen, None, None, figures, unread, check)
    if holdout is None:
        return study
    other, beside, _ = _read(fit, fit._source(holdout))
    aside = judged_by(plain, other.data if other.y is None else (other.data, other.y))
    return replace(study, aside=aside, aside_table=beside)


def _read(fit: "Fit", source: Source) -> tuple[Source, Table, tuple[str, ...]]:
    """The source with its table in memory; columns of the model, others beside them as many as a reader can bear, and
    the names of the rest."""
    terms = fit.model.terms
    if not isinstance(terms, FormulaTerms):
        names = predictors(fit)
        return source, table_of(fit, source, names[:BESIDE]), names[BESIDE:]
    beyond: list[str] = []

    def wanted(names: tuple[str, ...]) -> tuple[str, ...]:
        used = needed(terms.schema, names)
        others = [name for name in names if name not in used]
        beyond.extend(others[BESIDE:])
        return *used, *others[:BESIDE]

    table = replace(read(source.data, wanted), kind="dict")
    return replace(source, data=table), table, tuple(beyond)
