"""Is the model right about these rows, those of the fit or others? Calibration, ROC, lift, Lorenz, actual and expected.

The functions are methods of `Fit`. They take rows that were never fitted, too: `data=`, a frame, a path, (X, y).
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.names import nearest
from expfam.data.table import Table, read
from expfam.diagnostics import calibration as curves
from expfam.diagnostics import experience, ranking
from expfam.diagnostics import lift as lifts
from expfam.diagnostics.groups import Groups, crossed, of_array, of_column
from expfam.diagnostics.judged import Judged, judged_rows
from expfam.errors import ExpfamError, SchemaError
from expfam.fit import checks
from expfam.formula.learn import plan
from expfam.matrix import MatrixTerms
from expfam.source import Source
from expfam.terms import FormulaTerms

if TYPE_CHECKING:
    from expfam.fit import Fit


def judged_by(fit: "Fit", data: Any = None) -> Judged:
    """What was seen and expected in each row of the fit, or of `data`, rows never fitted.

    ExpfamError where the rows of the fit were changed since; DataWarning where rows of `data` had to be left out.
    """
    if data is None:
        prepared = fit._prepared(None)
        checks.check_rows(fit, prepared)
        return judged_rows(prepared, fit.estimate, fit.dispersion, fit.kind, False)
    rows, prepared = checks.fresh(fit, data, fit.model.unseen)
    found = judged_rows(prepared, fit.estimate, fit.dispersion, rows.kind, True)
    return replace(found, fresh=not _fitted(fit, found))


def _fitted(fit: "Fit", judged: Judged) -> bool:
    """Are these the rows of a fit that has none of its own? By their number, weight and deviance."""
    prepared, family = judged.prepared, judged.model.family
    if prepared.n != fit.n or not np.isclose(prepared.data.total, fit.weights_sum, rtol=1e-9):
        return False
    mu = judged.rate if prepared.exposure is None else judged.expected / judged.weight
    mu = mu[:, :-1] if family.vector else mu
    return bool(np.isclose(family.deviance(prepared.data.y, mu, judged.weight), fit.deviance, rtol=checks.ALIKE))


def calibration(
    fit: "Fit",
    bins: int = 10,
    by: Any = None,
    data: Any = None,
    *,
    label: str | None = None,
    level: float = 0.95,
) -> curves.Calibration:
    """Are the fitted rates right, the low and the high ones? Observed and expected rates in `bins` of equal exposure.

    by      a column, or an array with a value a row: bins within each of its levels
    data    other rows, with their response; None: those of the fit
    label   the class that is judged against all others, where there are several
    level   of the score intervals of the observed rates

    With the observed / expected ratio, Cox's recalibration intercept and slope, a chi-squared of the bins in the manner
    of Hosmer and Lemeshow, the mean distance of rates, and an isotonic curve. As scikit-learn's calibration_curve and
    rms::val.prob.
    """
    judged = judged_by(fit, data).one(label)
    levels = None if by is None else groups_of(fit, judged, by, data)[0].levels(judged.exposure, 10)
    return curves.calibration(judged, bins, levels, level)


def roc(fit: "Fit", data: Any = None) -> ranking.Roc | ranking.ClassRocs:
    """Does a success have a higher fitted mean than a failure? The ROC curve, its area and DeLong's standard error.

    For responses of two classes and for shares, weighted, ties as halves; of several classes each against the rest.
    """
    return ranking.roc(judged_by(fit, data))


def lorenz(fit: "Fit", data: Any = None, *, label: str | None = None) -> ranking.Lorenz:
    """Which share of what was observed falls on the rows of the lowest fitted rates? Concentration curve and Gini.

    label   the class that is judged against all others, where there are several
    """
    return ranking.lorenz(judged_by(fit, data).one(label))


def lift(
    fit: "Fit", bins: int = 10, against: "Fit | FloatArray | None" = None, data: Any = None, *, label: str | None = None
) -> lifts.Lift:
    """How far apart are the rows that the model tells apart? Observed and expected rates in bins of the fitted rate.

    against   another fit, or its rates (means per unit of exposure), one a row of the data: then rows are sorted by the
              ratio of both rates (double lift), and the model that follows what was observed is the better one
    label     the class that is judged against all others, where there are several
    """
    judged = judged_by(fit, data).one(label)
    if against is None:
        return lifts.lift(judged, bins)
    return lifts.lift(judged, bins, _rates(fit, judged, against, data, label))


def _rates(fit: "Fit", judged: Judged, against: Any, data: Any, label: str | None) -> FloatArray:
    """Another model's rates at the rows judged, (n,)."""
    places, given = judged.prepared.places, judged.prepared.given
    if hasattr(against, "model"):
        rows = fit.rows_source().data if data is None and against.source is None else data
        other = judged_by(against, rows).one(label)
        here, there = _places(judged), _places(other)
        if given != other.prepared.given or not np.isin(here, there).all():
            raise ExpfamError("the other fit leaves out rows that this one has; compare them on rows complete in both")
        return np.asarray(other.rate[np.searchsorted(there, here)])
    rates = np.asarray(against, dtype=np.float64)
    if rates.shape != (given,):
        raise SchemaError(f"against= has shape {rates.shape}; the data has {given} rows: give one rate a row, or a fit")
    rates = rates if places is None else rates[places]
    if not np.isfinite(rates).all():
        at = int(_places(judged)[np.argmin(np.isfinite(rates))])
        raise SchemaError(
            f"against= is not finite in row {at}; give the other model's rate there, or leave the row out"
        )
    return rates


def _places(judged: Judged) -> AnyArray:
    """The numbers of the rows in the data."""
    places = judged.prepared.places
    return np.arange(judged.prepared.given) if places is None else places


def actual_expected(
    fit: "Fit", by: Any = None, bins: int = 10, data: Any = None, *, label: str | None = None, level: float = 0.95
) -> experience.ActualExpected:
    """Was as much seen as expected, level by level? Sums of both along any column of the data, fitted or not.

    by      a column's name, or an array with a value a row; several names: their combinations; None: every column that
            the model's terms read, one below the other, by one read of the rows
    bins    of equal exposure for numbers; where no more numbers than that occur each is a level
    data    other rows, with their response; label: the class judged, where there are several

    Columns: column, level, rows, exposure, observed, expected, ratio, conf_low, conf_high, lower, upper.
    """
    curves.check_bins(bins)
    judged = judged_by(fit, data).one(label)
    return experience.actual_expected(judged, groups_of(fit, judged, by, data, bins), bins, level)


def groups_of(fit: "Fit", judged: Judged, by: Any, data: Any, bins: int = 10) -> list[Groups]:
    """The groups that `by` means, at the rows judged."""
    source = fit.rows_source() if data is None else fit._source(data)
    several = isinstance(by, list | tuple) and all(isinstance(name, str) for name in by) and len(by) > 0
    if by is not None and not several and not isinstance(by, str):
        return [of_array(by, judged.prepared.given, judged.prepared.places, bins)]
    names = predictors(fit) if by is None else (by,) if isinstance(by, str) else tuple(by)
    if not names:
        raise ExpfamError("the model reads no columns to compare along; name one of the data: by='...'")
    table = table_of(fit, source, names)
    found = [of_column(table, name, judged.prepared.places, bins) for name in names]
    return [crossed([part.levels(judged.exposure, bins) for part in found])] if several else found


def predictors(fit: "Fit") -> tuple[str, ...]:
    """The columns of the data that the terms read."""
    terms = fit.model.terms
    if isinstance(terms, FormulaTerms):
        return plan(terms.schema, tuple(terms.schema.columns)).predictors
    assert isinstance(terms, MatrixTerms)
    return terms.columns


def table_of(fit: "Fit", source: Source, names: tuple[str, ...]) -> Table:
    """Columns of the data by name; of a matrix those that the fit named."""
    if not isinstance(fit.model.terms, MatrixTerms):
        return read(source.data, lambda _: names)
    X, known = fit.model.terms.matrix(source.data), predictors(fit)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SchemaError(
            f"the matrix has no column {unknown[0]!r}, and by= may be an array; {nearest(unknown[0], known)}"
        )
    parts = [X[:, [known.index(name)]] for name in names]
    dense = [part if isinstance(part, np.ndarray) else part.toarray() for part in parts]
    return read({name: np.asarray(part[:, 0], float) for name, part in zip(names, dense, strict=True)})
