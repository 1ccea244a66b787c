"""Levels side by side: a point and its interval for each, bars for how much there is of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.pictures.style import (
    COLOURS,
    FAINT,
    HIGH,
    MILD,
    SOFT,
    WIDE,
    Numbers,
    ink,
    percent,
    plain,
    shortened,
    ticked,
)

MOST, NARROW = 30, 12  # levels of one panel, and of one among others
BARS = 0.35  # of the height, for the tallest bar behind points
LETTER = 0.068  # inches


def largest(exposure: AnyArray, most: int = MOST) -> IntArray:
    """The numbers of the levels of largest exposure, in the order they have."""
    return np.sort(np.argsort(-exposure, kind="stable")[:most])


def cut(sizes: Mapping[str, int], parts: Mapping[str, Numbers], what: str) -> list[str]:
    """What a note says of panels that show fewer levels than the `sizes` that there are: those with the most of `what`,
    the first ones where it is empty, for there are no rows to count."""
    short = {name: size for name, size in sizes.items() if len(parts[name]["level"]) < size}
    if not short:
        return []
    most = max(len(parts[name]["level"]) for name in short)
    which = f"the {most} levels with the most {what}" if what else f"the first {most} levels"
    return [f"{which} of {', '.join(f'{name} ({n:,})' for name, n in short.items())}"]


def width(labels: Sequence[str]) -> tuple[float, float]:
    """The size of a picture of one panel."""
    across = max(WIDE, 0.3 * len(labels) + 1.5)
    return across, HIGH + (0.3 if turned(labels, across - 1) else 0.0)


def turned(labels: Sequence[str], inches: float) -> bool:
    """Are the labels too long to stand side by side?"""
    return len(labels) * (max(map(len, labels), default=0) + 1) * LETTER > inches


def bars(axes: Any, at: AnyArray, share: FloatArray, what: str) -> None:
    """Shares as faint bars on the floor of a panel; their scale on the right, as shares of `what`, unless empty."""
    top = float(np.nanmax(share, initial=0.0)) or 1.0
    axes.bar(at, BARS * share / top, 0.8, color=ink(), alpha=FAINT, transform=axes.get_xaxis_transform(), zorder=0.5)
    if not what:
        return
    side = axes.twinx()
    side.grid(False)
    side.set_ylim(0, top / BARS)
    ticked(side.yaxis, form=percent)
    side.set_yticks([tick for tick in side.get_yticks() if 0 <= tick <= top * 1.01])
    side.set_ylim(0, top / BARS)
    side.set_ylabel(f"share of {what}", alpha=MILD, loc="bottom")
    side.tick_params(length=0)


def strip(axes: Any, at: AnyArray, share: FloatArray, width: float | FloatArray = 0.8) -> None:
    """Shares as bars in a low panel of their own, the highest one told."""
    top = float(np.nanmax(share, initial=0.0)) or 1.0
    axes.bar(at, share, width, color=ink(), alpha=SOFT)
    axes.set_ylim(0, top)
    axes.set_yticks([top], [percent(float(f"{top:.2g}"))])
    axes.grid(False)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.spines["left"].set_visible(False)


def points(
    axes: Any, values: FloatArray, low: FloatArray, high: FloatArray, classes: Sequence[str] = (), joined: bool = False
) -> None:
    """Values (m, k) at 0..m-1 with their intervals, classes beside each other; what is not finite is not drawn."""
    m, k = values.shape
    for j in range(k):
        at, colour = np.arange(m) + (0.0 if k == 1 else 0.5 * (j / (k - 1) - 0.5)), COLOURS[j % len(COLOURS)]
        good = np.isfinite(values[:, j])
        ends = np.isfinite(low[:, j]) & np.isfinite(high[:, j]) & good
        axes.vlines(at[ends], low[ends, j], high[ends, j], color=colour, lw=1.6, alpha=0.8)
        if joined:
            axes.plot(at[good], values[good, j], color=colour, lw=1, alpha=0.5)
        label = plain(classes[j]) if classes else None
        axes.plot(at[good], values[good, j], "o", color=colour, ms=5, mew=0, alpha=0.95, label=label)


def named(axes: Any, labels: Sequence[str], inches: float = WIDE - 1) -> None:
    """The levels' names below a panel so wide."""
    short = [plain(shortened(label)) for label in labels]
    slant = turned(short, inches)
    how = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    axes.set_xticks(range(len(labels)), short, **how)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.grid(False, axis="x")
    axes.tick_params(axis="x", length=0)


def ranged(axes: Any, *values: FloatArray, log: bool = False, floor: float = 0.08) -> None:
    """Limits of y around finite values, with room for bars below: `floor`, a share of their range. No tick is below 0
    in room that is only that."""
    found = np.concatenate([np.ravel(v) for v in values])
    found = found[np.isfinite(found) & ((found > 0) | (not log))]
    if not len(found):
        return
    low, high = (np.log([found.min(), found.max()]) if log else np.array([found.min(), found.max()])).tolist()
    span = max(high - low, 0.05 if log else 1e-3 * abs(high), 1e-9)
    ends = np.array([low - floor * span, high + 0.08 * span])
    axes.set_ylim(*(np.exp(ends) if log else ends))
    ticked(axes.yaxis, log=log)
    if ends[0] < 0 <= found.min() and not log:
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= ends[1]])
