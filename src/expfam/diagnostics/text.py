"""Columns of numbers as aligned lines: how the answers of this room print themselves."""

from collections.abc import Mapping
from typing import Any
from unicodedata import combining, east_asian_width

import numpy as np

MOST = 40  # lines that are shown


def aligned(columns: Mapping[str, Any], digits: int = 4) -> str:
    """A header and a line a row, text to the left and numbers to the right; the middle of a long table is left out."""
    cells = {name: [_cell(value, digits) for value in np.asarray(values).tolist()] for name, values in columns.items()}
    n = len(next(iter(cells.values()), []))
    shown = list(range(n)) if n <= MOST else [*range(MOST - 10), *range(n - 9, n)]
    lines = []
    for name, values in cells.items():
        text = any(isinstance(value, str) for value in np.asarray(columns[name]).tolist())
        column = [name, *(values[k] for k in shown)]
        width = max(map(wide, column))
        lines.append([padded(cell, width) if text else f"{cell:>{width}}" for cell in column])
    out = ["  ".join(parts).rstrip() for parts in zip(*lines, strict=True)]
    if n > MOST:
        out.insert(1 + MOST - 10, f"... {n - MOST + 1:,} more: table() has all")
    return "\n".join(out)


def wide(text: str) -> int:
    """How many places of a line does it take? Two a letter of Chinese, Japanese or Korean, none an accent."""
    return sum(2 if east_asian_width(letter) in "WF" else not combining(letter) for letter in text)


def padded(text: str, width: int) -> str:
    """The text, filled up to a width."""
    return text + " " * (width - wide(text))


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and np.isnan(value):
        return "NA"
    if isinstance(value, int) or (abs(value) < 1e15 and float(value).is_integer()):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
