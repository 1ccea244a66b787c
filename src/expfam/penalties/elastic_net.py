"""P(theta) = strength (l1_ratio |theta|_1 + (1 - l1_ratio) |theta|^2 / 2): zeros, and smaller coefficients."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from expfam.errors import SolverError, is_finite
from expfam.penalties._penalty import Penalty, PenaltyForm
from expfam.penalties.ridge import Ridge


@dataclass(frozen=True, slots=True, eq=False)
class ElasticNet(Penalty):
    """mean loss + strength (l1_ratio |theta|_1 + (1 - l1_ratio) |theta|^2 / 2), on the scale of glmnet and glum.

    strength: one number, or by name ({"age": 0.1}, the others 0); the intercept is free. l1_ratio, from 0 (ridge) to 1
    (the lasso), is glmnet's alpha. Columns are taken in their own units. What it leaves of the
    coefficients has no standard errors (Zou and Hastie 2005), so that intervals, bootstraps and leverage are refused.
    """

    strength: float | Mapping[str, float] = 1.0
    l1_ratio: float = 1.0

    @property
    def smooth(self) -> bool:
        return self.l1_ratio == 0

    def __post_init__(self) -> None:
        if not (is_finite(self.l1_ratio) and 0 <= self.l1_ratio <= 1):
            raise SolverError(f"ElasticNet l1_ratio is {self.l1_ratio!r}; from 0, ridge, to 1, the lasso")
        Ridge(self.strength)  # refuses what is no strength

    def bind(self, names: tuple[str, ...]) -> PenaltyForm:
        whole = Ridge(self.strength).bind(names)
        absolute = self.l1_ratio * whole.diagonal
        if np.any(absolute[[name == "Intercept" for name in names]]):
            raise SolverError("ElasticNet leaves the intercept free; Ridge can hold it")
        form = replace(whole, diagonal=(1 - self.l1_ratio) * whole.diagonal)
        return replace(form, absolute=absolute) if absolute.any() else form

    def to_dict(self) -> dict[str, object]:
        return {**Ridge(self.strength).to_dict(), "name": "elastic_net", "l1_ratio": self.l1_ratio}
