"""Do coefficients meet linear equations? Wald tests of R theta = r, written as text: "a = b, c = 0"."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from expfam._typing import FloatArray
from expfam.data.names import nearest
from expfam.errors import ExpfamError
from expfam.formula.expression import QUOTED, bare
from expfam.inference.tails import chi_squared, f_tail

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates

NUMBER = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?")
OPEN, CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class WaldTest:
    """W = d' (R V R')^-1 d with d = R theta - r, against chi-squared; W / df against F where phi is estimated.

    `df_residual` is None for chi-squared; `difference` is d, a number an equation.
    """

    hypothesis: str
    statistic: float
    df: int
    df_residual: float | None
    p_value: float
    difference: tuple[float, ...]

    def __str__(self) -> str:
        known = self.df_residual is None
        name, on = ("chi-squared", f"{self.df}") if known else ("F", f"{self.df} and {self.df_residual:g}")
        return f"Wald test of {self.hypothesis}: {name} {self.statistic:.4g} on {on} df, P {self.p_value:.3g}"


def wald(fit: "Estimates", R: FloatArray, r: FloatArray | None = None, text: str = "") -> WaldTest:
    """The test of R theta = r with the covariance the fit carries; R (m, p d) class after class, r (m,) or None: zero.

    ExpfamError where an equation says nothing, contradicts or follows from the others, or asks for a coefficient that
    was left out.
    """
    target = np.zeros(len(R)) if r is None else r
    _check(fit, R, target, text)
    d = R @ fit.flat(fit.estimate) - target
    V = R @ np.nan_to_num(fit.known_covariance().full()) @ R.T
    W, m = _quadratic(d, V, text), len(R)
    residual, difference = fit.df_reference, tuple(map(float, d))
    if residual is None:
        return WaldTest(text, W, m, None, float(chi_squared(W, m)), difference)
    F = W / m if m else np.nan
    return WaldTest(text, F, m, residual, float(f_tail(F, m, residual)), difference)


def _quadratic(d: FloatArray, V: FloatArray, text: str) -> float:
    """d' V^-1 d; ExpfamError where V is singular."""
    scale = np.sqrt(np.diagonal(V))
    with np.errstate(divide="ignore", invalid="ignore"):
        values, vectors = np.linalg.eigh(np.nan_to_num(V / np.outer(scale, scale)))
        rank = int((values > len(d) * 1e-12).sum())
        if rank < len(d):
            raise ExpfamError(
                f"the covariance of the {len(d)} equations of {text or 'the term'!r} has rank {rank}, as where there "
                "are fewer clusters than equations: test fewer at a time, or take another covariance"
            )
        return float(np.sum((vectors.T @ (d / scale)) ** 2 / values))


def _check(fit: "Estimates", R: FloatArray, r: FloatArray, text: str) -> None:
    """ExpfamError unless every equation says something new of coefficients that were estimated."""
    kept = np.tile(fit.kept, fit.estimate.size // len(fit.kept))
    lost = [
        name for name, here, column in zip(fit.model.flat_names, kept, R.T, strict=True) if column.any() and not here
    ]
    if lost:
        raise ExpfamError(f"{lost[0]!r} was left out of the fit as a combination of other columns; it has no estimate")
    for k in range(1, len(R) + 1):
        if np.linalg.matrix_rank(R[:k]) == k:
            continue
        known = np.linalg.matrix_rank(np.column_stack([R[:k], r[:k]])) < k
        what = "follows from those before it; leave it out" if known else "contradicts those before it"
        raise ExpfamError(f"equation {k} of {text!r} {what if R[k - 1].any() else 'asks nothing of the coefficients'}")


# ---- text ----------------------------------------------------------------------------------------------------------


def written(hypothesis: str | Sequence[str]) -> str:
    """Equations between commas, of a text or of a list of texts."""
    parts = [hypothesis] if isinstance(hypothesis, str) else hypothesis
    if not isinstance(parts, Iterable) or not all(isinstance(part, str) for part in parts):
        raise ExpfamError(
            f"the hypothesis is a {type(hypothesis).__name__}; write equations as text, or a list of them, such as "
            "'a = b, 2 * c = 1'"
        )
    return ", ".join(parts)


def equations(text: str, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """R (m, p) and r (m,) of "a = b, 2 * c - d = 1, e": equations between commas, "= 0" understood.

    A name is written as it stands in `names`, brackets and all, or in backticks, as one that is a number must be.
    ExpfamError naming what is not understood.
    """
    rows = [_equation(part, names) for part in _split(text, ",") if part.strip()]
    if not rows:
        raise ExpfamError(f"the hypothesis {text!r} says nothing; write such as 'a = b, c = 0'")
    return np.array([row[:-1] for row in rows]), -np.array([row[-1] for row in rows])


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks outside of brackets and backticks, where a name may hold one."""
    depth, ticked, parts = 0, False, [""]
    for letter in text:
        depth += (letter in OPEN) - (letter in CLOSE)
        ticked ^= letter == "`"
        if letter == mark and depth == 0 and not ticked:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _equation(text: str, names: Sequence[str]) -> FloatArray:
    """left - right as numbers of the coefficients, and the constant last."""
    sides = _split(text, "=")
    if len(sides) > 2:
        raise ExpfamError(f"{text.strip()!r} has more than one equals sign; put commas between equations")
    total = _side(sides[0], names)
    return total - _side(sides[1], names) if len(sides) == 2 else total


def _side(text: str, names: Sequence[str]) -> FloatArray:
    """A sum of +-number * name, +-name and +-number."""
    longest = sorted(range(len(names)), key=lambda j: -len(names[j]))
    total, rest, begun = np.zeros(len(names) + 1), text.strip(), False
    for _ in range(len(text) + 1):
        if not rest:
            break
        sign = {"+": 1.0, "-": -1.0}.get(rest[0])
        if sign is None and begun:
            raise _unknown(rest, names)
        number, name, rest = _piece(rest[1:].lstrip() if sign is not None else rest, names, longest)
        total[-1 if name is None else name] += (sign or 1.0) * number
        rest, begun = rest.strip(), True
    if not begun:
        raise ExpfamError("a side of an equation is empty; write such as 'a = b, c = 0'")
    return total


def _piece(text: str, names: Sequence[str], longest: Sequence[int]) -> tuple[float, int | None, str]:
    """The number, the name and what follows of `2 * name ...`, `name ...`, `2 ...`."""
    named = _named(text, names, longest)
    if named is not None:
        return 1.0, *named
    found = NUMBER.match(text)
    if found is None:
        raise _unknown(text, names)
    number, rest = float(found.group()), text[found.end() :].lstrip()
    if not rest.startswith("*"):
        return number, None, rest
    rest = rest[1:].lstrip()
    named = _named(rest, names, longest)
    if named is None:
        raise _unknown(rest, names)
    return number, *named


def _named(text: str, names: Sequence[str], longest: Sequence[int]) -> tuple[int, str] | None:
    """Which name a text starts with, the longest one, and what follows; a name ends where its word does."""
    ticked = re.match(QUOTED, text)
    if ticked is not None and bare(ticked[0]) in names:
        return names.index(bare(ticked[0])), text[ticked.end() :]
    fitting = (j for j in longest if text.startswith(names[j]) and not NUMBER.fullmatch(names[j]))
    found = next((j for j in fitting if not re.match(r"[\w.\[(:]", text[len(names[j]) :])), None)
    return None if found is None else (found, text[len(names[found]) :])


def _unknown(text: str, names: Sequence[str]) -> ExpfamError:
    word = re.split(r"\s*[-+*=,]\s*", text.strip(), maxsplit=1)[0] or text
    return ExpfamError(
        f"the hypothesis names {word!r}, which is no coefficient; {nearest(word, names, 'coefficients')}"
    )
