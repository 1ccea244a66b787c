"""The Binomial mean and variance with a free dispersion: no likelihood is left."""

from dataclasses import dataclass
from typing import ClassVar, final

from expfam.families._family import ExponentialFamily
from expfam.families._partition import SharePartition


@final
@dataclass(frozen=True, slots=True)
class QuasiBinomial(SharePartition, ExponentialFamily):
    """As Binomial, with Var y = phi V(mu) / w and phi estimated by Pearson's statistic (Wedderburn 1974)."""

    name: ClassVar[str] = "quasibinomial"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    has_likelihood: ClassVar[bool] = False
    default_link: ClassVar[str] = "logit"
    allowed: ClassVar[str] = "a share in [0, 1]"
    remedy: ClassVar[str] = "give successes / trials as the response and the trials by trials="
