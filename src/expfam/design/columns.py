"""The columns of one term: raw storage and the linear map (14) from raw columns to coefficients."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Columns:
    """X_term = R C with R the raw columns (n, r) and C the contrasts (r, p), one coefficient name a column.

    R is given without ever being written out:
      values only          R = values, (n, m)                                    r = m
      codes only           R[i, c] = 1{codes[i] = c}                             r = levels
      codes and values     R[i, j * levels + c] = 1{codes[i] = c} values[i, j]   r = m * levels
      neither              R = a column of ones (the intercept)                  r = 1
    C is `contrast`: None for the identity; a vector of p raw column numbers, C = I[:, contrast], where columns are
    only kept, dropped or reordered (treatment coding, full dummies: never a levels x levels matrix); else (r, p).
    """

    names: tuple[str, ...]
    codes: IntArray | None = None
    levels: int = 0
    values: FloatArray | None = None
    contrast: AnyArray | None = None

    @property
    def raw(self) -> int:
        """How many raw columns the term has."""
        width = 1 if self.values is None else self.values.shape[1]
        return width * max(self.levels, 1)

    def take(self, rows: BoolArray) -> "Columns":
        """The same columns of some rows."""
        codes = None if self.codes is None else self.codes[rows]
        return replace(self, codes=codes, values=None if self.values is None else self.values[rows])

    def dense(self, n: int) -> FloatArray:
        """X_term written out, (n, p): the definition that the design's verbs are tested against."""
        values = np.ones((n, 1)) if self.values is None else self.values
        rows = np.arange(n)
        raw = np.zeros((n, self.raw))
        for j in range(values.shape[1]):
            raw[rows, j * self.levels + (0 if self.codes is None else self.codes) + (j if self.levels == 0 else 0)] = (
                values[:, j]
            )
        if self.contrast is None:
            return raw
        return raw[:, self.contrast] if self.contrast.ndim == 1 else raw @ self.contrast
