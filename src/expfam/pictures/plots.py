"""`fit.plot`: every picture of a fit, a function of its own file, as a method."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from expfam.diagnostics.influence import Influence, influence
from expfam.inference.optimum import Optimum
from expfam.pictures import (
    actual_expected,
    calibration,
    effect,
    forest,
    learning,
    leverage,
    lift,
    lorenz,
    panels,
    profile,
    qq,
    relativities,
    residuals_fitted,
    roc,
    scale_location,
)

if TYPE_CHECKING:
    from expfam.fit import Fit


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What does the fit look like? Each method answers with a `Picture`: its numbers, and a figure of them.

    Rows are read by each picture that shows some: those of the fit, or `data`. `over` reads them once for all, and
    `measured` measures their influence once, `measures`.
    """

    fit: "Fit"
    data: Any = None
    read: Optimum | None = None
    measures: Influence | None = None

    def over(self, data: Any = None) -> "Pictures":
        """The same pictures over rows that are read once, here, for all of them."""
        return replace(self, data=data, read=self.fit.at_rows(data))

    def measured(self) -> "Pictures":
        """The same with the influence of their rows, unless a response of classes or an absolute penalty has none."""
        here = self.rows()
        none = here.classes > 1 or here.objective.penalty.absolute is not None
        return self if none else replace(self, measures=self.influence(here))

    def influence(self, here: Optimum) -> Influence:
        """What the fit would be without each of some rows."""
        if self.measures is not None and self.measures.optimum is here:
            return self.measures
        return influence(here, self.fit.dispersion, self.fit.df_reference)

    def rows(self, data: Any = None) -> Optimum:
        """The optimum with its rows."""
        return self.read if data is None and self.read is not None else self.fit.at_rows(self.source(data))

    def source(self, data: Any = None) -> Any:
        """The data that a picture is of; None for those of the fit."""
        return self.data if data is None else data

    panels = panels.panels
    residuals_fitted = residuals_fitted.residuals_fitted
    worm = qq.worm
    qq = qq.qq
    scale_location = scale_location.scale_location
    leverage = leverage.leverage
    calibration = calibration.calibration
    lift = lift.lift
    lorenz = lorenz.lorenz
    roc = roc.roc
    actual_expected = actual_expected.actual_expected
    effects = effect.effects
    effect = effect.effect
    relativities = relativities.relativities
    profile = profile.profile
    forest = forest.forest
    learning = learning.learning

    if not TYPE_CHECKING:  # a type checker is to find such names itself

        def __getattr__(self, name: str) -> Any:
            from expfam.pictures import PICTURES  # made of this class

            raise AttributeError(f"there is no picture {name!r}; choose one of {', '.join(PICTURES)}")
