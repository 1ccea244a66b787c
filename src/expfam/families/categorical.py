"""One of k classes: the family behind softmax regression."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn, Self, final

import numpy as np
from scipy.special import xlogy

from expfam._typing import BoolArray, FloatArray
from expfam.errors import FamilyError, ResponseError
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._special import divergence


@final
@dataclass(frozen=True, slots=True)
class Categorical(ExponentialFamily):
    """a(psi) = log(1 + sum_i e^psi_i), psi_i = log(mu_i / mu_k), T(y)_i = 1{y = i} for i < k.

    y are codes 0 ... k-1, the last one the reference; `reference` names the label that shall come last.
    psi, mu and t are (n, k-1). `k` None waits for the data: see `with_classes`.
    """

    k: int | None = None
    reference: Hashable = None
    name: ClassVar[str] = "categorical"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    fixed_dispersion: ClassVar[bool] = True
    vector: ClassVar[bool] = True
    default_link: ClassVar[str] = "softmax"
    remedy: ClassVar[str] = "code the classes 0 ... k-1, or give the labels by a formula"

    def __post_init__(self) -> None:
        if self.k is not None and self.k < 2:
            raise ResponseError(
                f"the response has {self.k} class(es); a categorical family needs 2 or more; "
                "check how the rows were chosen"
            )

    @property
    def allowed(self) -> str:
        """The support of y in words."""
        return "codes 0 ... k-1" if self.k is None else f"whole codes 0 ... {self.k - 1}"

    def with_classes(self, k: int) -> Self:
        """The same family for the k classes of a response. ResponseError for k < 2, or where another k was given."""
        if self.k not in (None, k):
            raise ResponseError(
                f"Categorical(k={self.k}) is of {self.k} classes, and the response has {k}: give k={k}, leave k out "
                "for as many as there are, or check how the rows were chosen"
            )
        return replace(self, k=int(k))

    def T(self, y: FloatArray) -> FloatArray:
        """Indicators of the first k - 1 classes; (n, k-1)."""
        if self.k is None:
            raise FamilyError("Categorical() does not know its classes yet; give Categorical(k=3) for three")
        return np.asarray(np.asarray(y)[..., None] == np.arange(self.k - 1), dtype=np.float64)

    def all_means(self, mu: FloatArray) -> FloatArray:
        """The probabilities of all k classes, the reference last; (n, k)."""
        return np.concatenate([mu, np.maximum(1 - mu.sum(axis=-1, keepdims=True), 0.0)], axis=-1)

    def a(self, psi: FloatArray) -> FloatArray:
        psi = np.asarray(psi)
        top = np.maximum(psi.max(axis=-1), 0.0)
        return np.asarray(top + np.log(np.exp(-top) + np.exp(psi - top[..., None]).sum(axis=-1)))

    def mean(self, psi: FloatArray) -> FloatArray:
        return np.exp(psi - self.a(psi)[..., None])

    def natural(self, mu: FloatArray) -> FloatArray:
        every = self.all_means(mu)
        return np.log(every[..., :-1] / every[..., -1:])

    def variance(self, mu: FloatArray) -> FloatArray:
        """diag(mu) - mu mu'; (n, k-1, k-1)."""
        return mu[..., None] * np.eye(mu.shape[-1]) - mu[..., None] * mu[..., None, :]

    def dvariance(self, mu: FloatArray) -> NoReturn:
        raise FamilyError("V'(mu) is a tensor for a vector family; with the softmax link it is never needed")

    def conjugate(self, t: FloatArray) -> FloatArray:
        every = self.all_means(t)
        return np.asarray(xlogy(every, every).sum(axis=-1))

    def inner(self, psi: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray((psi * t).sum(axis=-1))

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """sum over all k classes of t log(t / mu)."""
        return np.asarray(divergence(self.all_means(t), self.all_means(mu)).sum(axis=-1))

    def outside(self, y: FloatArray) -> BoolArray:
        return (y < 0) | np.not_equal(y, np.floor(y)) | (y >= (self.k or np.inf))

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(precision)))

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        edges = np.cumsum(mu, axis=-1)
        return np.asarray((rng.random((len(mu), 1)) >= edges).sum(axis=-1), dtype=np.float64)

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """P(code <= y) in the order of the codes."""
        return self._below(np.floor(y) + 1, mu)

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return self._below(np.ceil(y), mu)

    def _below(self, code: FloatArray, mu: FloatArray) -> FloatArray:
        every = self.all_means(mu)
        return np.asarray(np.where(np.arange(every.shape[-1]) < code[..., None], every, 0.0).sum(axis=-1))

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "k": self.k, "reference": self.reference}
