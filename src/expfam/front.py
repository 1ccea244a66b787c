"""The front: `glm("y ~ a + log(x)", data, family="poisson")` and `glm_arrays(X, y, family="bernoulli")`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Never, TypedDict, Unpack

from expfam._typing import AnyArray
from expfam.data.frame import labels
from expfam.elsewhere import no_option
from expfam.errors import SchemaError
from expfam.families import ExponentialFamily
from expfam.fit import Fit
from expfam.fitting import How, begin, fit
from expfam.inference.reduction import bias as bias_of
from expfam.inference.vcov import asked
from expfam.links import Link
from expfam.links import link as link_of
from expfam.matrix import MatrixTerms, matrix
from expfam.matrix import named as named_by
from expfam.model import Model, choice
from expfam.nuisance import Asked, Free, asked_dispersion, free, named
from expfam.parallel import one_blas_thread
from expfam.penalties import Penalty
from expfam.penalties import penalty as penalty_of
from expfam.progress import progress as show_progress
from expfam.solvers import Solver, passing
from expfam.source import VECTORS, Source, Terms, beside


class Options(TypedDict, total=False):
    """The options that `glm` and `glm_arrays` share; `glm` says what each one means."""

    family: str | ExponentialFamily
    link: str | Link | None
    weights: Any
    weights_kind: str
    offset: Any
    exposure: Any
    trials: Any
    penalty: Penalty | None
    bias: str | None
    solver: str | Solver
    passes: int | None
    tol: float
    max_iter: int
    missing: str
    aliased: str
    unseen: str
    aggregate: str
    vcov: str | Mapping[str, Any] | None
    dispersion: str | float | None
    seed: int
    progress: bool


DEFAULTS = Options(
    family="gaussian", link=None, weights=None, weights_kind="precision", offset=None, exposure=None, trials=None,
    penalty=None, bias=None, solver="auto", passes=None, tol=1e-8, max_iter=100, missing="drop", aliased="drop",
    unseen="error", aggregate="auto", vcov=None, dispersion=None, seed=0, progress=False,
)  # fmt: skip


def glm(
    formula: str,
    data: Any,
    *,
    family: str | ExponentialFamily = "gaussian",
    link: str | Link | None = None,
    weights: str | AnyArray | None = None,
    weights_kind: str = "precision",
    offset: str | AnyArray | None = None,
    exposure: str | AnyArray | None = None,
    trials: str | AnyArray | None = None,
    penalty: Penalty | None = None,
    bias: str | None = None,
    solver: str | Solver = "auto",
    passes: int | None = None,
    tol: float = 1e-8,
    max_iter: int = 100,
    missing: str = "drop",
    aliased: str = "drop",
    unseen: str = "error",
    aggregate: str = "auto",
    vcov: str | Mapping[str, Any] | None = None,
    dispersion: str | float | None = None,
    seed: int = 0,
    progress: bool = False,
    **unknown: Never,
) -> Fit:
    """E[T(y) | x] = h(X theta + offset): fit a generalized linear model to a formula and any data frame (5), (6).

    formula       "y ~ a + b*c + log(x) + bs(z, df=5)"; a formula is data: only the listed functions run
    data          dict of arrays, pandas, polars, Arrow, or a path to Parquet or CSV
    family, link  a name or an object; the link defaults to the family's canonical one, that of negative_binomial and
                  tweedie to log. By name "negative_binomial" estimates theta and "tweedie" the power, by maximum
                  likelihood: `fit.theta`, `fit.power`; known numbers are given: "tweedie(1.5)", or the object,
                  families.Tweedie(power=1.5)
    weights       column name, expression or array; weights_kind "precision" (phi / w, R's), "frequency" (a row stands
                  for w rows) or "sampling" (design weights: the standard errors become a sandwich)
    offset        added to eta; exposure: offset log(exposure) of a log link; trials: of a binomial share
    penalty       Ridge(0.1), ElasticNet(0.1, 0.5) or None, maximum likelihood
    bias          "firth" (also "mean") or "median": adjusted scores, less biased and finite where separation makes the
                  maximum likelihood infinite (R's brglm2, AS_mean and AS_median)
    solver        "auto", "newton", "lbfgs", "proximal", "sgd", or an object with options, SGD(prior=1.0)
    passes        of solver="sgd": how often it reads the rows, once by default
    tol           bounds max |gradient| / sum(weights), columns standardised; max_iter bounds Newton's steps, of which
                  those of large data that need no new information count as the share that they cost
    missing       "drop" (told) or "error"; aliased: "drop" (told) or "error"
    unseen        a level first met at prediction: "error", "reference" or "missing"
    aggregate     sum rows of equal predictors first, factors and numbers of few values: the same likelihood from fewer
                  rows. "auto" where that promises to pay, "always", "never"
    vcov          covariance of the coefficients: "model" (phi H^-1), "observed", "HC0" to "HC3", {"cluster": "id"} or
                  several ["firm", "year"], {"hac": lags, "time": "day"}, {"bootstrap": 1000}: see `Fit.vcov`
    dispersion    phi where the family leaves it free: "pearson" (the default), "deviance", "ml", or a known number,
                  with which tests are by the normal distribution instead of t
    seed          of what a solver draws, such as the order of the rows of "sgd"; a bootstrap has its own
    progress      whether a line on stderr says what is being done

    Raises ExpfamError (FormulaError, SchemaError, ResponseError, SolverError, FamilyError); warns DataWarning,
    AliasWarning, SeparationWarning, ConvergenceWarning.
    """
    from expfam.terms import learn_terms  # the formula parser brings pandas

    began = perf_counter()
    if unknown:
        raise no_option("glm", next(iter(unknown)), DEFAULTS)
    with show_progress(progress, "reading the data") as tell:
        given = Options(
            family=family, link=link, penalty=penalty, bias=bias, weights_kind=weights_kind, missing=missing,
            unseen=unseen, dispersion=dispersion,
        )  # fmt: skip
        pair, numbers = _pair(given)
        how = How(passing(solver, passes), tol, max_iter, aliased, aggregate, seed, tell, asked(vcov), *numbers)
        texts, arrays = _split(data, weights=weights, offset=offset, exposure=exposure, trials=trials)
        source = Source(data, vectors=arrays)
        kinds = choice("missing", missing), choice("weights_kind", weights_kind)
        terms, rows = learn_terms(formula, texts, source, *kinds)
        with one_blas_thread():  # settled once for both
            begun = begin(_model(pair, terms, given, arrays), rows, began)
            del rows  # what its columns were made from goes with it
            return fit(begun, source, how)


def glm_arrays(
    X: Any, y: Any, *, names: Sequence[str] | None = None, intercept: bool = True, **options: Unpack[Options]
) -> Fit:
    """The same fit from a matrix X (n, p), SciPy sparse or dense, taken without a copy, and a response y (n,).

    names      of the columns; a frame's own, else x1, x2, ... by default. Frames handed over later are read by them
    intercept  whether a column of ones is put in front
    options    those of `glm`; weights, offset, exposure and trials are arrays
    """
    began = perf_counter()
    if unknown := sorted(set(options) - set(DEFAULTS)):
        raise no_option("glm_arrays", unknown[0], ("names", "intercept", *DEFAULTS))
    given: Options = {**DEFAULTS, **options}
    with show_progress(given["progress"], "reading the data") as tell:
        pair, numbers = _pair(given)
        ways = (given["tol"], given["max_iter"], given["aliased"], given["aggregate"], given["seed"])
        how = How(passing(given["solver"], given["passes"]), *ways, tell, asked(given["vcov"]), *numbers)
        texts, arrays = _split(X, **{name: given.get(name) for name in VECTORS})
        if texts:
            name, text = next(iter(texts.items()))
            raise SchemaError(f"{name}={text!r}: glm_arrays has no columns to look it up in; give an array")
        source = Source(matrix(X), beside("y", y, X), arrays)
        chosen = _column_names((labels(X) or None) if names is None else names, source.data.shape[1])
        terms = MatrixTerms(chosen, intercept, named=bool(named_by(X)) is (names is None))
        model = _model(pair, terms, given, arrays)
        with one_blas_thread():
            rows = terms.rows(source, response=True, missing=model.missing, unseen="error")
            return fit(begin(model, rows, began), source, how)


def _split(data: Any, **vectors: Any) -> tuple[dict[str, str], dict[str, AnyArray]]:
    """Row vectors given as text (a column or an expression), and those given as arrays."""
    texts = {name: value for name, value in vectors.items() if isinstance(value, str)}
    arrays = {name: beside(name, v, data) for name, v in vectors.items() if not (v is None or isinstance(v, str))}
    return texts, arrays


def _pair(given: Options) -> tuple[tuple[ExponentialFamily, Link], tuple[Asked, Free | None]]:
    """Family and link; the dispersion asked for, and what estimates a family's number, None where it was given."""
    family, estimated = named(given["family"])
    link, dispersion = link_of(given["link"], family), asked_dispersion(given["dispersion"], family, given["bias"])
    return (family, link), (dispersion, free(family, link, dispersion) if estimated else None)


def _model(pair: tuple[ExponentialFamily, Link], terms: Terms, given: Options, arrays: dict[str, AnyArray]) -> Model:
    """The model of the options; the response is named, and the family bound to its classes, when rows are read."""
    kinds: dict[str, Any] = {name: choice(name, given[name]) for name in ("weights_kind", "missing", "unseen")}
    family, link = pair
    penalty, bias = penalty_of(given["penalty"]), bias_of(given["bias"])
    return Model(family, link, terms, penalty, response="", classes=None, supplied=tuple(arrays), bias=bias, **kinds)


def _column_names(names: Sequence[object] | None, p: int) -> tuple[str, ...]:
    chosen = tuple(f"x{j + 1}" for j in range(p)) if names is None else tuple(map(str, names))
    if len(chosen) != p:
        raise SchemaError(f"{len(chosen)} names for {p} columns of X; give one each")
    repeated = [] if len(set(chosen)) == p else sorted(name for name, count in Counter(chosen).items() if count > 1)
    if repeated or "Intercept" in chosen:
        raise SchemaError(f"the column name {(repeated or ['Intercept'])[0]!r} is taken; names must differ")
    return chosen
