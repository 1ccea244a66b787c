"""V that is read from the rows when it is first asked for: coefficients and predictions need none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from expfam._typing import FloatArray
from expfam.design import Design
from expfam.information._information import Information
from expfam.information.covariance import Covariance


@dataclass(frozen=True, slots=True, eq=False)
class Later(Covariance):
    """V (m, m), m `count`; `read` works it out, once. Copies and pickles have it worked out, and no rows behind it."""

    count: int
    read: Callable[[], Covariance]

    @property
    def size(self) -> int:
        return self.count

    @property
    def diagonal(self) -> FloatArray:
        return self.read().diagonal

    def apart(self) -> Covariance:
        return self.read()

    def full(self) -> FloatArray:
        return self.read().full()

    def times(self, share: float) -> "Later":
        return Later(self.count, lambda: self.read().times(share))

    def trace(self, diagonal: FloatArray, matrix: FloatArray | None) -> float:
        return self.read().trace(diagonal, matrix)

    def sandwich(self, meat: Information) -> Covariance:
        return self.read().sandwich(meat)

    def of(self, gradients: FloatArray) -> FloatArray:
        return self.read().of(gradients)

    def reached(self, gradients: FloatArray) -> FloatArray:
        return self.read().reached(gradients)

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        return self.read().of_rows(design, classes)

    def to_json(self) -> Any:
        return self.read().to_json()

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (self.read(),)


def _same(covariance: Covariance) -> Covariance:
    return covariance
