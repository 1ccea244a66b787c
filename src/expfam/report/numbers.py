"""Numbers as people read them: one way for text, HTML and the command line."""

from collections.abc import Sequence

import numpy as np

FIXED = 5  # digits of a figure from 1 on, and the power of ten from which it has an exponent,
SMALLEST = -4  # as it has below this one
DIGITS = 15  # a number has no more


def figure(value: float, error: float = np.nan) -> str:
    """Four or five significant digits: 3.0445, 12830, 0.001042, 1.200e-07. Beside its error those that matter: two of
    the error, or four places: 1000000.0047, 0.0038."""
    if np.isnan(value):
        return "NA"
    if value == 0 or np.isinf(value):
        return f"{abs(value) if value == 0 else value:.4f}"
    size, told = _size(value), 0 < error < np.inf
    plain = SMALLEST <= size < FIXED
    digits = FIXED + min(size, 0) if plain and (told or size >= 0) else FIXED - 1
    if told:
        digits = min(max(digits, size - _size(error) + 2), DIGITS)
    if plain or SMALLEST <= size < digits:
        return f"{value:.{max(digits - 1 - size, 0)}f}"
    return f"{value:.{digits - 1}e}"


def _size(value: float) -> int:
    """The power of ten of the first digit."""
    return int(np.floor(np.log10(abs(value))))


def total(value: float) -> str:
    """A sum such as a deviance or a criterion: three places, below 1 six digits, no exponent from 1 to 1e10."""
    if np.isnan(value):
        return "NA"
    if np.isinf(value) or abs(value) >= 1e10 or 0 < abs(value) < 1:
        return f"{value:.6g}"
    return f"{value:.3f}" if abs(value) < 1e3 else f"{value:,.2f}"


def brief(value: float) -> str:
    """Four significant digits, whole numbers whole: 50, 0.6563, 435.6, 10,535, 2.4e-07."""
    if np.isnan(value):
        return "NA"
    if abs(value) >= 1000 and abs(value) < 1e10:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def count(value: float) -> str:
    """1,234,567; degrees of freedom under a penalty keep two digits, and are NA where they were not worked out."""
    if np.isnan(value):
        return "NA"
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.2f}"


def counted(number: float, what: str) -> str:
    """1 row, 2,000 rows."""
    return f"{count(number)} {what}{'s' * (number != 1)}"


def p_value(value: float) -> str:
    """0.025, 3.1e-08, '< 1e-16'; significance is left to the reader."""
    if np.isnan(value):
        return "NA"
    if value < 1e-16:
        return "< 1e-16"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3f}"


def several(names: Sequence[str], most: int = 20) -> str:
    """a, b, c and 17 more."""
    return ", ".join(names[:most]) + (f" and {count(len(names) - most)} more" if len(names) > most else "")
