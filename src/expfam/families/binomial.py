"""y = successes / w in w trials, each with probability mu."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import betainc, gammaln

from expfam._typing import FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._partition import SharePartition
from expfam.families._special import whole, whole_below


@final
@dataclass(frozen=True, slots=True)
class Binomial(SharePartition, ExponentialFamily):
    """Bernoulli's partition, with b(y) = C(w, w y): the weight is the number of trials."""

    name: ClassVar[str] = "binomial"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    fixed_dispersion: ClassVar[bool] = True
    default_link: ClassVar[str] = "logit"
    allowed: ClassVar[str] = "a share in [0, 1]"
    remedy: ClassVar[str] = "give successes / trials as the response and the trials by trials="

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        trials, wins = np.asarray(precision), precision * np.asarray(y)
        choose = gammaln(trials + 1) - gammaln(wins + 1) - gammaln(trials - wins + 1)
        return np.asarray(choose + trials * self.conjugate(y))

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """sum f log C(w, w y) mu^(w y) (1 - mu)^(w - w y), w the trials: the mean enters by its deviance."""
        return float(np.sum(frequency * self.log_saturated(y, np.asarray(weight)))) - deviance / 2

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        trials = np.rint(weight / phi)
        return np.asarray(rng.binomial(trials.astype(np.int64), mu) / trials)

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return _at_most(whole(y * (weight / phi)), weight / phi, mu)

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return _at_most(whole_below(y * (weight / phi)), weight / phi, mu)


def _at_most(wins: FloatArray, trials: Scale, mu: FloatArray) -> FloatArray:
    """P(successes <= wins) = I_(1 - mu)(trials - wins, wins + 1)."""
    inside = np.clip(wins, 0, None)
    tail = betainc(np.maximum(trials - inside, 0.5), inside + 1, 1 - mu)
    return np.where(wins < 0, 0.0, np.where(wins >= trials, 1.0, tail))
