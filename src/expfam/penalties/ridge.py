"""P(theta) = theta' S theta / 2: ridge, one strength a column, or any positive semidefinite S (Tikhonov)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SolverError
from expfam.penalties._penalty import Penalty, PenaltyForm


@dataclass(frozen=True, slots=True, eq=False)
class Ridge(Penalty):
    """mean loss + strength / 2 |theta|^2, on the scale of glmnet and glum; the intercept is a column of strength zero.

    strength: one number; one a column, with or without the intercept, or by name ({"age": 0.1}, the others 0); or a
    symmetric positive semidefinite (p, p) matrix S for theta' S theta / 2. Columns are taken in their own units.
    """

    strength: float | Sequence[float] | Mapping[str, float] | FloatArray = 1.0

    def __post_init__(self) -> None:
        values = list(self.strength.values()) if isinstance(self.strength, Mapping) else self.strength
        given = _numbers(values)
        if given.ndim < 2:
            _diagonal(np.atleast_1d(given))

    def bind(self, names: tuple[str, ...]) -> PenaltyForm:
        p = len(names)
        if isinstance(self.strength, Mapping):
            unknown = sorted(set(self.strength) - set(names))
            if unknown:
                raise SolverError(f"the penalty names {unknown[0]!r}, no coefficient; there are: {', '.join(names)}")
            return _diagonal(_numbers([self.strength.get(name, 0.0) for name in names]))
        given = _numbers(self.strength)
        free = np.array([name == "Intercept" for name in names], dtype=bool)
        if given.ndim == 0:
            return _diagonal(np.where(free, 0.0, given))
        if given.shape == (p,):
            return _diagonal(given)
        if given.shape == (p - int(free.sum()),):
            full = np.zeros(p)
            full[~free] = given
            return _diagonal(full)
        if given.shape == (p, p):
            return _matrix(given)
        raise SolverError(
            f"Ridge strength has shape {given.shape}; allowed: one number, {p} numbers (a column each), "
            f"{p - int(free.sum())} numbers (without the intercept), or a {p} x {p} matrix"
        )

    def to_dict(self) -> dict[str, object]:
        strength = self.strength
        plain = dict(strength) if isinstance(strength, Mapping) else np.asarray(strength, dtype=float).tolist()
        return {"name": "ridge", "strength": plain}


def _numbers(strength: Any) -> FloatArray:
    try:
        return np.asarray(strength, dtype=float)
    except (TypeError, ValueError):
        raise SolverError(f"Ridge strength is {strength!r}; give numbers, finite and not negative") from None


def _diagonal(strength: FloatArray) -> PenaltyForm:
    bad = ~(np.isfinite(strength) & (strength >= 0))
    if bad.any():
        raise SolverError(f"Ridge strength is {strength[bad][0]}; strengths are finite and not negative")
    return PenaltyForm(strength)


def _matrix(form: FloatArray) -> PenaltyForm:
    scale = np.abs(form).max(initial=0.0)
    if not np.isfinite(scale) or not np.allclose(form, form.T, rtol=0, atol=1e-12 * scale):
        raise SolverError("Ridge matrix is not symmetric and finite; theta' S theta / 2 needs S = S'")
    lowest = float(np.linalg.eigvalsh(form)[0])
    if lowest < -1e-10 * scale:
        raise SolverError(f"Ridge matrix has the eigenvalue {lowest:.3g}; it must be positive semidefinite")
    return PenaltyForm(np.zeros(len(form)), (form + form.T) / 2)
