"""Is the link right, and is every number in its right form? Score tests of what a better model would add."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from expfam._typing import FloatArray, IntArray
from expfam.data.answer import frame_like
from expfam.diagnostics.added import Score, check_likelihood, scores
from expfam.diagnostics.judged import Judged
from expfam.diagnostics.refits import small
from expfam.diagnostics.text import aligned
from expfam.errors import ExpfamError
from expfam.inference.multiplicity import adjusted
from expfam.inference.optimum import Optimum
from expfam.matrix import MatrixTerms
from expfam.model import Prepared
from expfam.source import Terms
from expfam.terms import FormulaTerms

KNOTS = np.array([0.05, 0.275, 0.5, 0.725, 0.95])
"""Quantiles of the knots of a restricted cubic spline (Harrell 2015), 3 columns beside x itself."""
SAMPLE = 1 << 14  # rows whose quantiles they are
MOST = 256  # numbers tested together
COLUMNS = 4  # of each: its square, three of the spline


@dataclass(frozen=True, slots=True)
class LinkTest:
    """Does eta^2 help? Then the link is wrong, or a term is missing or in the wrong form (Pregibon 1980).

    statistic, df, p_value   Rao's score test of eta^2 beside all terms, chi-squared; of classes an eta^2 each
    coefficient, se, z_p_value   eta^2 beside 1 and eta in a refit, as Stata's linktest; NaN for classes
    size   by how much eta would be moved, in parts of its spread, beyond chance: what counts where rows are many
    An offset is kept, and no part of the eta that is squared.
    """

    statistic: float
    df: int
    p_value: float
    coefficient: float
    se: float
    z_p_value: float
    size: float

    def __str__(self) -> str:
        return (
            f"Link test (eta^2): chi-squared {self.statistic:.4g} on {self.df} df, P {self.p_value:.3g}; refit "
            f"{self.coefficient:.4g} (se {self.se:.2g}), P {self.z_p_value:.3g}; would move eta by {self.size:.1%} of "
            "its spread"
        )


@dataclass(frozen=True, slots=True, eq=False)
class FormTests:
    """Is each number linear on the scale of eta? (terms,) each; terms of one numeric column, log(x) among them.

    statistic, df, p_value  score test of a restricted cubic spline of the term, 5 knots, beside all terms: 3 df
    p_adjusted              Holm's, over the terms
    square, p_square        z of the term's square alone: positive where the curve bends upwards
    size                    by how much eta would be moved, in parts of its spread, beyond chance
    A curve of few knots is tested rather than cumulated residuals (Lin, Wei and Ying 2002): it needs no simulation, one
    read of the rows serves all terms, and its p value does not depend on a seed.
    """

    term: tuple[str, ...]
    statistic: FloatArray
    df: FloatArray
    p_value: FloatArray
    p_adjusted: FloatArray
    square: FloatArray
    p_square: FloatArray
    size: FloatArray
    kind: str

    def table(self) -> Any:
        """term, statistic, df, p_value, p_adjusted, square, p_square, size."""
        return frame_like(self.kind, self._columns())

    def _columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "kind"} | {"term": list(self.term)}

    def __str__(self) -> str:
        return aligned(self._columns()) if self.term else "No term is a single number that takes three values"


def link_test(optimum: Optimum, judged: Judged) -> LinkTest:
    """Both forms of the test at the fit."""
    check_likelihood(optimum, "link_test()")
    d, phi = optimum.classes, judged.dispersion
    centre, width = _place(optimum)

    def square(_: slice, eta: FloatArray) -> FloatArray:
        return np.asarray((((eta - centre) / width) ** 2)[:, :, None] * np.eye(d))

    found = scores(optimum, square, d).test(slice(0, d), phi)
    coefficient, se = np.nan, np.nan
    if d == 1:
        rows, line = optimum.one_line("link_test()").prepared, judged.eta.ravel()
        line = line if rows.data.offset is None else line - rows.data.offset
        z = (line - centre[0]) / width[0]
        again = small(rows, np.column_stack([line, z**2]), np.array([0.0, 1.0, 0.0]), phi)
        coefficient, se = float(again.coef[2] / width[0] ** 2), float(again.se[2] / width[0] ** 2)
    p = float(2 * ndtr(-abs(coefficient / se))) if se > 0 else np.nan
    return LinkTest(found.statistic, found.df, found.p_value, coefficient, se, p, found.size)


def _place(optimum: Optimum) -> tuple[FloatArray, FloatArray]:
    """About the mean and spread of eta, (d,): squares are taken from there, which changes nothing but rounding; from 0
    where no intercept takes up the difference."""
    block = optimum.problem.objective.data.take(_sample(optimum.prepared))
    eta = block.design.forward(block.design.maps.forward(optimum.beta)).reshape(block.n, -1)
    centre = eta.mean(axis=0) if "Intercept" in optimum.model.names else np.zeros(eta.shape[1])
    width = np.sqrt(np.mean((eta - centre) ** 2, axis=0))
    return centre, np.where(width > 0, width, 1.0)


def _sample(prepared: Prepared) -> IntArray:
    """Rows at even steps among the observations: a row of frequency f is met as often as f rows would be."""
    n, times = prepared.n, prepared.frequency
    steps = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.intp))
    return steps if times is None else np.searchsorted(np.cumsum(times), steps, side="right")


def numbers(terms: Terms) -> list[tuple[str, int]]:
    """The terms of one numeric column, and which coefficient is theirs."""
    found = [(b.label, b.columns.start) for b in terms.blocks if len(b.factors) == 1 and _width(b.columns) == 1]
    if isinstance(terms, MatrixTerms):
        return found
    assert isinstance(terms, FormulaTerms)
    variables = terms.schema.variables
    return [(label, j) for label, j in found if not variables[label].levels and variables[label].width is None]


def _width(columns: slice) -> int:
    return int(columns.stop - columns.start)


def form_tests(optimum: Optimum, dispersion: float, kind: str) -> FormTests:
    """All terms by one read of the rows; terms whose values are too few for a curve are left out."""
    check_likelihood(optimum, "form_tests()")
    optimum = optimum.one_line("form_tests()")
    known = [(label, j) for label, j in numbers(optimum.model.terms) if optimum.kept[j]]
    if len(known) > MOST:
        raise ExpfamError(f"form_tests() of {len(known):,} numbers at once would fill the memory; fit at most {MOST}")
    prepared = optimum.prepared
    design = prepared.data.design
    units = np.zeros((design.p, len(known)))
    units[[j for _, j in known], np.arange(len(known))] = 1.0
    raw = design.maps.forward(units)
    sample = design.take(_sample(prepared)).forward(raw)
    centre, width = sample.mean(axis=0), np.ptp(sample, axis=0)
    width = np.where(width > 0, width, 1.0)
    knots = [np.unique(np.quantile(x, KNOTS)) for x in ((sample - centre) / width).T]

    def curves(rows: slice, _: FloatArray) -> FloatArray:
        x = (design.take(rows).forward(raw) - centre) / width
        return np.concatenate([curve(column, at) for column, at in zip(x.T, knots, strict=True)], axis=1)[:, None, :]

    if not known:
        return _tested([], [], [], kind)
    found = scores(optimum, curves, COLUMNS * len(known))
    first = [COLUMNS * k for k in range(len(known))]
    squares = [found.test(slice(k, k + 1), dispersion) for k in first]
    whole = [found.test(slice(k + (len(at) > 2), k + COLUMNS), dispersion) for k, at in zip(first, knots, strict=True)]
    return _tested([label for label, _ in known], squares, whole, kind)


def curve(x: FloatArray, knots: FloatArray) -> FloatArray:
    """x^2, and the columns of a restricted cubic spline that are not linear, (n, 4): zero where knots are too few."""
    out = np.zeros((len(x), COLUMNS))
    out[:, 0] = x**2
    if len(knots) > 2:
        *inner, before, last = knots
        cubes = np.maximum(x[:, None] - knots, 0.0) ** 3
        for j, knot in enumerate(inner):
            tail = cubes[:, -2] * (last - knot) - cubes[:, -1] * (before - knot)
            out[:, 1 + j] = cubes[:, j] - tail / (last - before)
    return out


def _tested(labels: list[str], squares: list[Score], whole: list[Score], kind: str) -> FormTests:
    there = [k for k, test in enumerate(whole) if test.df]
    p = np.array([whole[k].p_value for k in there])
    return FormTests(
        tuple(labels[k] for k in there),
        np.array([whole[k].statistic for k in there]),
        np.array([whole[k].df for k in there], dtype=float),
        p,
        adjusted(p, "holm"),
        np.array([np.sign(squares[k].slope[0]) * np.sqrt(squares[k].statistic) for k in there]),
        np.array([squares[k].p_value for k in there]),
        np.array([whole[k].size for k in there]),
        kind,
    )
