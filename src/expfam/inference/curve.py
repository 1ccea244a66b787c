"""How does the mean run along one variable? All else held typical, or averaged over the rows, offsets left out."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.inference.effects import averages
from expfam.inference.parts import derivatives
from expfam.inference.scene import Scene, check_size
from expfam.information import Covariance
from expfam.model import Model
from expfam.parallel import ordered_sum, slices


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The mean at m values of a variable, (m, k) for k classes (k = 1 else), gradients in theta (m, k, p, d)."""

    values: FloatArray
    gradients: FloatArray

    def band(self, model: Model, covariance: Covariance, reach: float, link: bool) -> tuple[FloatArray, ...]:
        """Estimate, lower and upper end, (m, k) each: `reach` standard errors on the scale of the link, taken back to
        the mean unless `link`; of the probabilities of classes on their own scale, within 0 and 1."""
        mean, (m, k, p, d) = self.values, self.gradients.shape
        flat = self.gradients.transpose(0, 1, 3, 2).reshape(m * k, d * p)
        half = reach * np.sqrt(np.maximum(covariance.of(flat), 0.0)).reshape(m, k)
        if model.family.vector:
            return mean, np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
        with np.errstate(all="ignore"):
            eta = model.link(mean)
            half = half / np.abs(model.link.derivative(eta))
        if link:
            return eta, eta - half, eta + half
        with np.errstate(over="ignore"):
            a, b = (model.link.inverse(np.clip(end, *model.link.domain)) for end in (eta - half, eta + half))
        return mean, np.minimum(a, b), np.maximum(a, b)


def curve(rows: Scene, theta: FloatArray, name: str, at: AnyArray, averaged: bool) -> Curve:
    """The means at the values `at` of a number, or its codes of a factor; theta (p, d).

    One row of means and most frequent levels, or where `averaged` the mean over all rows, each given the value.
    """
    check_size([(name, len(at))], theta.shape)
    if not averaged:
        design = rows.typical().along(name, at).design()
        X = design.forward(design.maps.forward(np.eye(design.p)))
        mean, slope = derivatives(rows.model, X @ theta, relative=False, order=1)
        return Curve(mean, np.einsum("mka,mp->mkpa", slope, X))
    if name in rows.factors:
        found = averages(rows.without_offset(), theta, [rows.switch(name)], relative=False, times_x=False)[0]
        return Curve(found.values[at], found.gradients[at])
    parts = [_mean(rows.held({name: float(value)}), theta) for value in at]
    return Curve(np.array([values for values, _ in parts]), np.array([gradients for _, gradients in parts]))


def _mean(rows: Scene, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean over the rows without their offsets, (k,), and its gradients, (k, p, d)."""
    design, share, d = rows.design(), rows.weight / rows.weight.sum(), theta.shape[1]
    raw = design.maps.forward(theta)

    def part(at: slice) -> FloatArray:
        block = design.take(at)
        mean, slope = derivatives(rows.model, block.forward(raw).reshape(block.n, d), relative=False, order=1)
        pushed = block.adjoint((share[at, None, None] * slope).reshape(block.n, -1))
        return np.concatenate([share[at] @ mean, pushed.ravel()])

    k = d + 1 if rows.model.family.vector else 1
    total = ordered_sum(part, slices(rows.n))
    gradients = design.maps.adjoint(total[k:].reshape(design.maps.raw, k * d))
    return total[:k], gradients.reshape(len(theta), k, d).transpose(1, 0, 2)
