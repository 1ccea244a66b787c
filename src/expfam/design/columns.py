"""The columns of one term: raw storage and the linear map (14) from raw columns to coefficients."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Columns:
    """X_term = R C with R the raw columns (n, r) and C the contrasts (r, p), one coefficient name a column.

    R is given without ever being written out, values as floats, or as bytes:
      values only          R = values, (n, m)                                    r = m
      codes only           R[i, c] = 1{codes[i] = c}                             r = levels
      codes and values     R[i, j * levels + c] = 1{codes[i] = c} values[i, j]   r = m * levels
      sparse only          R = sparse, (n, m), a SciPy matrix in canonical CSR   r = m
      none of them         R = a column of ones (the intercept)                  r = 1
    C is `contrast`: None for the identity; a vector of p raw column numbers, C = I[:, contrast], where columns are
    only kept, dropped or reordered (treatment coding, full dummies: never a levels x levels matrix); else (r, p).
    `numbers` (p,) are those of its coefficients in the model, None where terms follow one another.
    """

    names: tuple[str, ...]
    codes: IntArray | None = None
    levels: int = 0
    values: FloatArray | None = None
    contrast: AnyArray | None = None
    sparse: Any = None
    numbers: AnyArray | None = None

    @property
    def raw(self) -> int:
        """How many raw columns the term has."""
        if self.sparse is not None:
            return int(self.sparse.shape[1])
        width = 1 if self.values is None else self.values.shape[1]
        return width * max(self.levels, 1)

    @property
    def plain(self) -> bool:
        """Are its coefficients its raw columns, and do they follow those of the term before?"""
        return self.contrast is None and self.numbers is None

    def take(self, rows: BoolArray) -> "Columns":
        """The same columns of some rows."""
        stored = {"codes": self.codes, "values": self.values, "sparse": self.sparse}
        return replace(self, **{name: part[rows] for name, part in stored.items() if part is not None})

    def dense(self, n: int) -> FloatArray:
        """X_term written out, (n, p): the definition that the design's verbs are tested against."""
        raw = self._raw(n) if self.sparse is None else np.asarray(self.sparse.toarray(), dtype=np.float64)
        if self.contrast is None:
            return raw
        return raw[:, self.contrast] if self.contrast.ndim == 1 else raw @ self.contrast

    def _raw(self, n: int) -> FloatArray:
        values = np.ones((n, 1)) if self.values is None else self.values
        if self.codes is None:
            return np.array(values, dtype=np.float64)
        raw = np.zeros((n, self.raw))
        for j in range(values.shape[1]):
            raw[np.arange(n), j * self.levels + self.codes.astype(np.intp)] = values[:, j]
        return raw
