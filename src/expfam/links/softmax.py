"""mu_i = e^eta_i / (1 + sum_j e^eta_j), the reference class having eta = 0."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Softmax(Link):
    """eta_i = log(mu_i / mu_k): k - 1 log-odds against the reference; arrays are (n, k-1)."""

    name: ClassVar[str] = "softmax"
    vector: ClassVar[bool] = True

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.asarray(np.log(mu / (1 - np.sum(mu, axis=-1, keepdims=True))))

    def inverse(self, eta: FloatArray) -> FloatArray:
        top = np.maximum(np.max(eta, axis=-1, keepdims=True), 0.0)
        grown = np.exp(eta - top)
        return np.asarray(grown / (np.exp(-top) + np.sum(grown, axis=-1, keepdims=True)))

    def jacobian(self, eta: FloatArray) -> FloatArray:
        """diag(mu) - mu mu'; (n, d, d)."""
        mu = self.inverse(eta)
        return mu[..., None] * np.eye(mu.shape[-1]) - mu[..., None] * mu[..., None, :]

    def derivative(self, eta: FloatArray) -> FloatArray:
        return self.jacobian(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        """d J_ij / d eta_l = delta_ij J_il - J_il mu_j - mu_i J_jl; (n, d, d, d)."""
        mu, J = self.inverse(eta), self.jacobian(eta)
        straight = np.eye(mu.shape[-1])[:, :, None] * J[..., :, None, :]
        return straight - J[..., :, None, :] * mu[..., None, :, None] - mu[..., :, None, None] * J[..., None, :, :]
