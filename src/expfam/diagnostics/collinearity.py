"""By how much do the other terms blow up the variance of a term's coefficients? Variance inflation, generalised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.text import aligned
from expfam.inference.estimable import Unknown
from expfam.source import Block


@dataclass(frozen=True, slots=True, eq=False)
class Collinearity:
    """GVIF of each term (Fox and Monette 1992), VIF where a term has one coefficient.

    gvif    det R_11 det R_22 / det R, R the correlation of the coefficients without the intercept, 1 those of the term
    scaled  gvif^(1 / (2 df)): by how much confidence intervals are longer, comparable between terms
    Infinite for terms that follow from others, in whole or in part; NaN for terms of which no coefficient was
    estimated. Without an intercept columns are not centred, and neither is a term to be told from the constant: large
    values then mean no trouble.
    """

    term: tuple[str, ...]
    df: FloatArray
    gvif: FloatArray
    kind: str

    @property
    def scaled(self) -> FloatArray:
        """gvif^(1 / (2 df)), (terms,)."""
        return np.asarray(self.gvif ** (0.5 / np.maximum(self.df, 1)))

    def table(self) -> Any:
        """term, df, gvif, scaled."""
        return frame_like(self.kind, self._columns())

    def _columns(self) -> dict[str, Any]:
        return {"term": list(self.term), "df": self.df, "gvif": self.gvif, "scaled": self.scaled}

    def __str__(self) -> str:
        return aligned(self._columns())


def collinearity(
    blocks: Sequence[Block], vcov: FloatArray, kept: BoolArray, kind: str, unknown: Unknown | None
) -> Collinearity:
    """From a covariance of the coefficients (p, p), whose scale does not matter; kept (p,): which were estimated;
    `unknown` is what columns left out leave open."""
    terms = [block for block in blocks if not block.is_intercept]
    known = kept & np.isfinite(np.diagonal(vcov)) & (np.diagonal(vcov) > 0)
    for block in blocks:
        known[block.columns] &= not block.is_intercept
    V = vcov[np.ix_(known, known)]
    scale = np.sqrt(np.diagonal(V))
    R, whole = V / np.outer(scale, scale), np.flatnonzero(known)
    df, found = np.zeros(len(terms)), np.full(len(terms), np.nan)
    determinant = _log_determinant(R)
    for k, block in enumerate(terms):
        own = np.isin(whole, np.arange(*block.columns.indices(len(kept))))
        df[k] = own.sum()
        if own.any():
            parts = _log_determinant(R[np.ix_(own, own)]) + _log_determinant(R[np.ix_(~own, ~own)])
            with np.errstate(over="ignore"):
                found[k] = np.exp(parts - determinant)
        columns = np.arange(*block.columns.indices(len(kept)))
        if own.any() and unknown is not None and len(unknown.told(columns)) < kept[columns].sum():
            found[k] = np.inf
    return Collinearity(tuple(block.label for block in terms), df, found, kind)


def _log_determinant(R: FloatArray) -> float:
    return float(np.linalg.slogdet(R)[1]) if len(R) else 0.0
