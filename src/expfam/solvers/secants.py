"""d = -B^-1 gradient, where B is a metric corrected by the steps already taken (limited-memory BFGS, Nocedal 1980).

One mechanism for many solvers: an old Hessian, that of a sample, a bound or a diagonal is the metric; each step
s = theta' - theta and the change y of the gradient along it then tell B what the metric does not know.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.linalg.blas import daxpy, saxpy

from expfam._typing import AnyArray, FloatArray
from expfam.information import Factor
from expfam.parallel import in_pieces
from expfam.solvers.optimality import newton_solve

MEMORY = 20  # pairs remembered
CURVED = 1e-8  # a pair without this curvature, as a cosine, tells nothing but noise


class Metric(ABC):
    """A symmetric positive definite M on coefficients, close to the information."""

    __slots__ = ()

    @abstractmethod
    def solve(self, gradient: FloatArray) -> FloatArray:
        """M^-1 gradient, in its shape."""

    def astype(self, kind: type[np.floating[Any]]) -> "Metric":
        """The same in single or double precision, where it has as many numbers as a step."""
        return self


@dataclass(frozen=True, slots=True)
class Factored(Metric):
    """The information of some point, or of some rows, factorised."""

    factor: Factor

    def solve(self, gradient: FloatArray) -> FloatArray:
        return newton_solve(self.factor, gradient)


@dataclass(frozen=True, slots=True)
class Diagonal(Metric):
    """The diagonal of the information, in the shape of theta."""

    values: AnyArray

    def solve(self, gradient: FloatArray) -> FloatArray:
        return np.divide(gradient, self.values, dtype=gradient.dtype)

    def astype(self, kind: type[np.floating[Any]]) -> "Diagonal":
        return Diagonal(self.values.astype(kind, copy=False))


@dataclass(frozen=True, slots=True)
class Coupled(Metric):
    """For every column a block of its classes, of which M^-1 is diag(own) + shared shared', all (p, d)."""

    own: AnyArray
    shared: AnyArray

    def solve(self, gradient: FloatArray) -> FloatArray:
        out = np.empty_like(gradient)

        def part(at: slice) -> None:
            g, shared = gradient[at], self.shared[at]
            along = np.einsum("jc,jc->j", shared, g)
            np.add(self.own[at] * g, shared * along[:, None], out=out[at])

        in_pieces(part, out)
        return out

    def astype(self, kind: type[np.floating[Any]]) -> "Coupled":
        return Coupled(self.own.astype(kind, copy=False), self.shared.astype(kind, copy=False))


@dataclass(frozen=True, slots=True)
class Pair:
    """A step s, the change y of the gradient along it, both in double or single precision, and 1 / s'y."""

    s: AnyArray
    y: AnyArray
    rho: float


Secants = tuple[Pair, ...]


def remember(secants: Secants, s: AnyArray, y: AnyArray, memory: int = MEMORY) -> Secants:
    """The pairs with a new one, the oldest forgotten; a pair without curvature is left out."""
    curvature = float(np.vdot(s, y))
    if not curvature > CURVED * float(np.linalg.norm(s) * np.linalg.norm(y)):
        return secants
    return (*secants, Pair(s, y, 1 / curvature))[-memory:]


def direction(metric: Metric, secants: Secants, gradient: AnyArray) -> AnyArray:
    """-B^-1 gradient by the two-loop recursion; the metric is scaled to the curvature along the last step.

    In single precision throughout where gradient and pairs are.
    """
    q, shares, kind = np.array(gradient), [], gradient.dtype
    for pair in reversed(secants):
        share = pair.rho * float(np.vdot(pair.s, q))
        shares.append(share)
        _add(q, -share, pair.y)
    d = np.negative(metric.solve(q), dtype=kind)
    if secants:
        last = secants[-1]
        d /= kind.type(last.rho * float(np.vdot(last.y, metric.solve(last.y))))
    for pair, share in zip(secants, reversed(shares), strict=True):
        _add(d, -share - pair.rho * float(np.vdot(pair.y, d)), pair.s)
    return d


def conjugate(metric: Metric, secants: Secants, gradient: FloatArray) -> FloatArray:
    """-B^-1 gradient for steps along which F is one quadratic: to its minimum in their span, and from there on by a
    step of the metric that leaves this minimum as it is.

    Every secant is met, not the last alone (Schnabel 1983), and k reads come as far as k steps of conjugate gradients
    that the metric preconditions: it is to be close to the information. Where F is no such quadratic it is `direction`.
    """
    if not secants:
        return -metric.solve(gradient)
    g = gradient.ravel()
    steps, changes = (np.array([getattr(pair, of).ravel() for pair in secants]) for of in "sy")
    products = steps @ changes.T
    if not _symmetric(products):
        return direction(metric, secants, gradient)
    curvature, _ = lapack.dpotrf((products + products.T) / 2)
    inside = lapack.dpotrs(curvature, steps @ g)[0]
    outside = metric.solve((g - inside @ changes).reshape(gradient.shape))
    move = (inside - lapack.dpotrs(curvature, changes @ outside.ravel())[0]) @ steps
    return np.asarray(-outside - move.reshape(gradient.shape))


def _symmetric(products: FloatArray) -> bool:
    """Are products of steps and changes those of one quadratic, but for less, as cosines, than the least eigenvalue?
    It is more than that where they are positive definite without it."""
    if len(products) == 1:
        return True
    size = np.sqrt(np.diagonal(products))
    scaled = products / size[:, None] / size
    both = (scaled + scaled.T) / 2
    both.flat[:: len(both) + 1] -= np.abs(scaled - scaled.T).max()
    return int(lapack.dpotrf(both)[1]) == 0


def _add(to: AnyArray, share: float, vector: AnyArray) -> None:
    """to += share vector, without a copy: of a million coefficients every one would be felt."""
    add = saxpy if to.dtype == np.float32 else daxpy
    add(vector.reshape(-1), to.reshape(-1), a=share)
