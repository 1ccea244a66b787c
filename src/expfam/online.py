"""`OnlineGLM`: a generalized linear model that learns from frames as they come."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import signature
from os import PathLike
from typing import TYPE_CHECKING, Any, Never, final

from expfam import streamfile
from expfam.data.chunks import Bad, chunks
from expfam.data.column import label as label_of
from expfam.data.csv import CSV
from expfam.data.names import some
from expfam.elsewhere import no_attribute, no_option
from expfam.errors import ExpfamError, SchemaError, SolverError
from expfam.families import ExponentialFamily
from expfam.families import family as family_of
from expfam.fit import Fit
from expfam.formula.buckets import bucket
from expfam.formula.learn import needed, syntax
from expfam.formula.schema import Request
from expfam.kernels.ready import bound_here
from expfam.links import Link
from expfam.links import link as link_of
from expfam.matrix import MatrixTerms
from expfam.model import Model, choice
from expfam.outputs import located
from expfam.penalties import Penalty
from expfam.penalties import penalty as penalty_of
from expfam.solvers import SGD
from expfam.stream import Ask, Stream
from expfam.stream.feed import feed
from expfam.stream.growth import classes_of, schema_of

if TYPE_CHECKING:
    from expfam.pictures.picture import Picture


@final
class OnlineGLM:
    """theta after every frame, with its standard errors, in memory that does not grow with the rows.

        model = ef.OnlineGLM("click ~ C(site) + log(hour)", family="bernoulli")
        for frame in frames:
            model.partial_fit(frame)
        print(model.summary())

    family, link, weights, offset, exposure, trials, weights_kind, penalty, missing as in `glm`; the row vectors are
    columns or expressions, for every frame brings its own.

    classes    all labels of the response in order, failure first, the reference of several last; None: those of the
               first frame
    vcov       "HC0", H^-1 S H^-1, valid also where the variance is not the family's; "model", phi H^-1
    prior      pseudo-rows at zero that a coefficient starts with, 0.01 by default; a solver has its own
    half_life  sum of weights after which a row counts half, for streams that drift; None: rows never fade. Rows of a
               batch fade together; it has a sixteenth as many at most
    hash_bits  1 to 31, for factors whose labels have no end: a label stands for the bucket that its hash falls into,
               one of 2^hash_bits a factor, "site[#2f1c]"; labels that share a bucket share a coefficient. The hash is
               that of the factor's name and the label, the same everywhere. None: a coefficient for every label.
               Columns of booleans and C(x, levels=...) have few labels and keep them

    solver     SGD(step="normalised", ...): steps of first order, row after row, in memory that grows with the
               coefficients and not with their square; standard errors are then those of single coefficients, by random
               scaling. The default where 2^hash_bits exceeds 3,000 coefficients. None: by the information, up to so
               many

    A level that comes later gets a coefficient then; the reference is the first level met, or `C(x, ref=...)`. What
    center(), scale(), poly() and splines learn, they learn from the first frame. The only thing here that changes is
    which frozen `Stream` it holds: a frame that is refused leaves it as it was.
    """

    def __init__(
        self,
        formula: str,
        family: str | ExponentialFamily = "gaussian",
        *,
        link: str | Link | None = None,
        weights: str | None = None,
        offset: str | None = None,
        exposure: str | None = None,
        trials: str | None = None,
        weights_kind: str = "precision",
        penalty: Penalty | None = None,
        classes: Sequence[str] | None = None,
        missing: str = "drop",
        vcov: str = "HC0",
        prior: float | None = None,
        half_life: float | None = None,
        hash_bits: int | None = None,
        solver: SGD | None = None,
        **unknown: Never,
    ) -> None:
        if unknown:
            raise no_option("OnlineGLM", next(iter(unknown)), list(signature(OnlineGLM).parameters)[:-1])
        vectors = {"weights": weights, "offset": offset, "exposure": exposure, "trials": trials}
        wrong = [name for name, text in vectors.items() if text is not None and not isinstance(text, str)]
        if wrong:
            raise SchemaError(f"{wrong[0]}= names a column or an expression: every frame brings its own numbers")
        if weights_kind == "sampling":
            raise SchemaError("weights_kind='sampling': take 'precision' with vcov='HC0', which is that sandwich")
        if not isinstance(solver, SGD | None):
            raise SolverError(f"solver={solver!r}: a stream takes SGD(...) with its options, or None")
        known = family_of(family)
        model = Model(
            known, link_of(link, known), MatrixTerms((), False), penalty_of(penalty), "", None,
            choice("weights_kind", weights_kind), choice("missing", missing), "reference", (),
        )  # fmt: skip
        model = model if classes is None else classes_of(model, tuple(map(label_of, classes)))
        request = Request(formula, weights, offset, exposure, trials, hash_bits=hash_bits)
        syntax(request)
        if prior is not None and solver is not None:
            raise SolverError(f"prior={prior!r} beside solver=: the solver has its own, SGD(prior={prior!r}, ...)")
        pseudo = solver.prior if solver else 0.01 if prior is None else prior
        ask = Ask(request, model, vcov, pseudo, half_life, solver, bound_here())
        self._stream = Stream(ask, model, model)

    def partial_fit(self, data: Any) -> "OnlineGLM":
        """Learn from the rows of a frame, a dict of arrays or a file; those with missing values are left out, counted.

        Rows that come one by one teach what they teach together, to the last bit. An error leaves all that was learned
        as it was, and nothing of the frame is kept.
        """
        self._stream = self._stream.after(data)
        return self

    def consume(
        self,
        source: Any,
        *,
        kind: str | None = None,
        strict: bool = False,
        tell: Callable[["OnlineGLM", Sequence[Bad]], None] | None = None,
    ) -> "OnlineGLM":
        """Learn from all that a source brings, in memory that does not grow with it.

        source   a path to Parquet (read by row group), CSV or NDJSON (.gz too); an open binary file or pipe; an
                 iterator of frames; or one frame
        kind     "parquet", "csv" or "ndjson", where the name of the file does not say it; a pipe is NDJSON by default
        strict   a line that no row can be made of, or none that the model allows, stops; else it is left out, and
                 handed to `tell` with its number
        tell     called after every chunk with the model and the lines that were left out
        """
        for bad in self.consuming(source, kind=kind, strict=strict):
            if tell is not None:
                tell(self, bad)
        return self

    def consuming(self, source: Any, *, kind: str | None = None, strict: bool = False) -> Iterator[Sequence[Bad]]:
        """`consume` chunk by chunk, for a loop of one's own: yields the lines that were left out of each."""
        if not (isinstance(source, str | PathLike | CSV) or hasattr(source, "readline")):
            one = isinstance(source, Mapping) or hasattr(type(source), "columns")
            if not (one or isinstance(source, Iterable)):
                raise SchemaError(
                    f"a {type(source).__name__} is no source of rows; give a path to Parquet, CSV or NDJSON, an open "
                    "binary file, a frame, or an iterator of frames"
                )
            for frame in (source,) if one else source:
                self.partial_fit(frame)
                yield ()
            return
        place = located(source) if isinstance(source, str | PathLike) else source
        for chunk in chunks(place, kind, self._wanted):
            fed = feed(self._stream, chunk, strict)
            self._stream = fed.stream
            yield fed.bad

    def _wanted(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return needed(self._stream.ask.request, names)

    @property
    def stream(self) -> Stream:
        """What was learned, frozen."""
        return self._stream

    @property
    def rows(self) -> int:
        """How many rows were learned from or wait to be, frequencies counted."""
        return self._stream.rows

    @property
    def fit(self) -> Fit:
        """All of it as a frozen fit without rows: coef, se, confint, predict, wald_test, tidy, save, ..."""
        return self._stream.fit()

    if not TYPE_CHECKING:  # a type checker is to find such names itself

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(name, () if name.startswith("_") else dir(Fit), "an OnlineGLM", ".fit")

    def bucket(self, factor: str, label: object) -> str:
        """Which bucket does a label of a hashed factor fall into? "#2f1c"; its coefficient is `site[#2f1c]`.

        ExpfamError before the first row, and for a variable that is not hashed.
        """
        schema = schema_of(self._stream.known)
        hashed = {} if schema is None else {text: s["hash"] for text, s in schema.states.items() if "hash" in s}
        if factor not in hashed:
            raise ExpfamError(f"{factor!r} is no hashed factor; those that rows have come for are: {some(hashed)}")
        return bucket(label=label_of(label), **hashed[factor])

    def predict(self, new: Any, **options: Any) -> Any:
        """h(X theta) for new rows, as `Fit.predict`; levels not met yet count as the reference, with a warning."""
        return self.fit.predict(new, **options)

    def summary(self) -> str:
        """The fit so far in the manner of R's summary, with the loss of rows before they were learned from."""
        now = self._stream.settled()
        said = now.fit().summary()
        assert now.memory is not None
        return (
            f"{said}\nMean loss of rows before they were learned from: {now.memory.progressive / now.memory.weight:.6g}"
        )

    def __repr__(self) -> str:
        formula = self._stream.ask.request.formula
        return f"OnlineGLM({formula!r}, family={self._stream.model.family.name!r}): {self.rows:,} rows"

    def state(self) -> dict[str, Any]:
        """All that was learned and the rows that wait, as JSON types; `from_state` goes on to the last bit."""
        return streamfile.to_dict(self._stream)

    def save(self, path: str | PathLike[str]) -> None:
        """Write `state` to a file, which appears whole or not at all."""
        streamfile.save(self._stream, path)

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any] | str | PathLike[str], *, family: ExponentialFamily | str | None = None
    ) -> "OnlineGLM":
        """The model that had this state, or wrote this file. A user's own family is functions: give it again."""
        if isinstance(state, str | PathLike):
            return cls._of(streamfile.load(state, family))
        return cls._of(streamfile.from_dict(state, family))

    @classmethod
    def _of(cls, stream: Stream) -> "OnlineGLM":
        model = cls.__new__(cls)
        model._stream = stream
        return model

    def plot_learning(self, names: Sequence[str] | None = None) -> "Picture":
        """The learning curve, and coefficients, those named or the strongest: `fit.plot.learning`."""
        return self.fit.plot.learning(names)

    def learning_curve(self) -> Any:
        """How did it learn? `Fit.learning_curve`, in a frame of the kind last handed over."""
        return self.fit.learning_curve()
