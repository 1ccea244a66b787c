"""A fit with its rows read once: what every section of a report asks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from expfam.data.table import Table
from expfam.diagnostics.findings import Findings
from expfam.diagnostics.judged import Judged
from expfam.errors import ExpfamError
from expfam.formula.expression import columns_of
from expfam.formula.learn import plan
from expfam.inference.optimum import Optimum
from expfam.model import Model
from expfam.pictures.picture import Picture
from expfam.pictures.plots import Pictures
from expfam.report.parts import Figure, Omitted, Part
from expfam.terms import FormulaTerms

if TYPE_CHECKING:
    from expfam.fit import Fit


SEVERAL = 8  # classes that have charts of their own


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The fit, answering in plain columns from a `table` in memory.

    `plots` are its pictures over rows that were read once, `judged` these rows as validation sees them. `aside` and
    `aside_table` are those that were kept aside, None without. `figures` asks for pictures; `unread` names columns that
    are too many to show; `check` makes the checks of `Fit.checks` on these rows; `told` is what the library warned of
    while the page was made; `advice` puts what is to be done into the words of who asks.
    """

    fit: "Fit"
    table: Table
    plots: Pictures
    judged: Judged
    aside: Judged | None
    aside_table: Table | None
    figures: bool
    unread: tuple[str, ...]
    check: Callable[[], Findings]
    told: tuple[str, ...] = ()
    advice: Callable[[str], str] = str

    @property
    def model(self) -> Model:
        """What was fitted."""
        return self.fit.model

    @property
    def here(self) -> Optimum:
        """The optimum with its rows."""
        return self.plots.rows()

    @property
    def new(self) -> Judged:
        """The rows to judge by: those that were kept aside, where there are some."""
        return self.judged if self.aside is None else self.aside

    @property
    def of(self) -> str:
        """Whose rows these are, for a caption."""
        return "rows of the fit" if self.aside is None else "rows kept aside"

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The classes that are judged one by one, the first SEVERAL; None for a response of numbers or two classes."""
        return (self.model.classes or ())[:SEVERAL] if self.model.family.vector else (None,)

    @property
    def roles(self) -> dict[str, str]:
        """What the model does with each column of the data that it reads."""
        terms = self.model.terms
        if not isinstance(terms, FormulaTerms):
            return dict.fromkeys(self.model.names, "predictor")
        found = plan(terms.schema, tuple(terms.schema.columns))
        roles = dict.fromkeys(found.predictors, "predictor")
        roles |= {name: "offset" for node in found.offsets for name in columns_of(node)}
        return roles | {name: role for role, node in found.roles.items() for name in columns_of(node)}

    def picture(self, name: str) -> tuple[Figure | Omitted, ...]:
        """A picture of `fit.plot`."""
        return self.drawn(name, getattr(self.plots, name))

    def drawn(self, name: str, make: Callable[[], Picture]) -> tuple[Figure | Omitted, ...]:
        """A picture for the page, or a sentence why there is none; nothing where none are asked for."""
        if not self.figures:
            return ()
        if find_spec("matplotlib") is None:
            return (Omitted("A picture would stand here; matplotlib is missing: pip install 'expfam[report]'."),)
        try:
            found = make()
        except ExpfamError as error:
            return (self._without(f"No picture of {name.replace('_', ' ')}", error),)
        return (Figure(found.title, found.caption, found.svg(), round(96 * found.size[0])),)

    def attempt(self, make: Callable[[], Iterable[Part]], what: str) -> tuple[Part, ...]:
        """The parts, or a sentence why there are none: what the library refuses is told, not hidden."""
        try:
            return tuple(make())
        except ExpfamError as error:
            return (self._without(what, error),)

    def _without(self, what: str, error: ExpfamError) -> Omitted:
        return Omitted(f"{what}: {self.advice(str(error)).rstrip('.')}.")
