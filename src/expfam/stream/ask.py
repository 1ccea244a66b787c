"""What a stream is to learn, and how."""

from dataclasses import dataclass, replace

import numpy as np

from expfam.errors import SchemaError, SolverError, is_finite, one_of
from expfam.formula.learn import syntax
from expfam.formula.schema import Request
from expfam.kernels.ready import CODED
from expfam.model import Model, check_meaning
from expfam.solvers.implicit import Options
from expfam.solvers.problem import WRITTEN_OUT
from expfam.solvers.sgd import SGD
from expfam.source import VECTORS
from expfam.stream.growth import schema_of
from expfam.stream.walking import check

OPEN = SGD(step="normalised", rate=0.5)  # levels without end are rare ones, which steps of the usual rate overfit
FADES = 1 / 16  # of a half-life: the longest batch where rows fade


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """What is to be learned: the formula with its row vectors, the model free of any terms, and how.

    vcov       "HC0", the sandwich, or "model"
    prior      pseudo-rows at zero that a coefficient starts with
    half_life  weight after which a row counts half; None: rows never fade
    solver     how to step; None: by the information, but where hashed levels may be too many for it
    compiled   numbers from which kernels are compiled: kept with the state, for its bits are not to depend on machines
    """

    request: Request
    model: Model
    vcov: str = "HC0"
    prior: float = 0.01
    half_life: float | None = None
    solver: SGD | None = None
    compiled: int = CODED

    def __post_init__(self) -> None:
        given = [name for name in VECTORS if getattr(self.request, name) is not None]
        check_meaning(self.model.family, self.model.link, given)
        offsets = syntax(self.request).asks("offset") if self.model.family.vector else ()
        if offsets:
            raise SchemaError(
                f"the offset {offsets[0].text!r}: the {self.model.family.name} family needs one for each class but the "
                "last, and a row of a stream has one number. Leave it out, or give glm() an array of them"
            )
        if self.solver is not None:
            check(self.solver)
        if self.half_life is not None and self.walks is not None:
            raise SolverError("half_life= is for steps by the information; leave it out, or take step='information'")
        one_of("vcov", self.vcov, ("HC0", "model"))
        if not (is_finite(self.prior) and self.prior > 0):
            raise SolverError(f"prior={self.prior!r}: a positive number of pseudo-rows, 0.01 by default")
        if self.half_life is not None and not (is_finite(self.half_life) and self.half_life > 0):
            raise SolverError(
                f"half_life={self.half_life!r}: a positive sum of weights, or None for rows that never fade"
            )

    @property
    def walks(self) -> SGD | None:
        """Steps of first order, row after row, where those are asked for."""
        if self.solver is None:
            bits = self.request.hash_bits
            return None if bits is None or 2**bits <= WRITTEN_OUT else OPEN
        first = self.solver.step not in (None, "information") or self.solver.update != "implicit"
        return self.solver if first else None

    @property
    def options(self) -> Options:
        """How a batch is learned from."""
        keep = 1.0 if self.half_life is None else float(0.5 ** (1 / self.half_life))
        return Options(self.prior, keep, scores=self.vcov == "HC0")

    @property
    def heaviest(self) -> float:
        """The weight at which a batch ends: its rows fade together, so they are a small part of a half-life."""
        return np.inf if self.half_life is None else self.half_life * FADES

    def offsets(self, model: Model) -> bool:
        """May rows have offsets?"""
        asked = schema_of(model)
        return bool(self.request.offset or self.request.exposure or (asked and asked.offsets))

    @property
    def resting(self) -> Options:
        """The same for the intercept alone, of which no errors are asked."""
        return replace(self.options, scores=False)
