"""The Poisson mean and variance with a free dispersion: no likelihood is left."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam.families._family import ExponentialFamily
from expfam.families._partition import CountPartition


@final
@dataclass(frozen=True, slots=True)
class QuasiPoisson(CountPartition, ExponentialFamily):
    """As Poisson, with Var y = phi V(mu) / w and phi estimated by Pearson's statistic (Wedderburn 1974)."""

    name: ClassVar[str] = "quasipoisson"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    has_likelihood: ClassVar[bool] = False
    default_link: ClassVar[str] = "log"
    allowed: ClassVar[str] = "a count or rate >= 0"
    remedy: ClassVar[str] = "correct or drop such rows"
