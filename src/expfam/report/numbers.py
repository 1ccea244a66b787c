"""Numbers as people read them: one way for text, HTML and the command line."""

from collections.abc import Sequence

import numpy as np


def figure(value: float, digits: int = 5) -> str:
    """Four or so significant digits, no needless exponent: 3.0445, 12830, 1.2e-07."""
    if np.isnan(value):
        return "NA"
    if value == 0 or 1e-4 <= abs(value) < 10**digits:
        places = digits - 1 if value == 0 else max(digits - 1 - int(np.floor(np.log10(max(abs(value), 1)))), 0)
        return f"{value:.{places}f}"
    return f"{value:.{digits - 2}e}"


def total(value: float) -> str:
    """A sum such as a deviance or a criterion: 6 significant digits at least, never an exponent below 1e10."""
    if np.isnan(value):
        return "NA"
    if np.isinf(value) or abs(value) >= 1e10:
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
