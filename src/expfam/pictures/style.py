"""How pictures look: one ink, five colours that part for the colour-blind and hold on light and dark paper, one grid.

Everything grey is the ink made transparent, so that a picture changes paper by changing one colour.
"""

from collections.abc import Mapping
from textwrap import fill
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray

Numbers: TypeAlias = Mapping[str, AnyArray]
"""What is drawn, by name."""

INK, PAPER = "#1b1f27", "#ffffff"
DARK_INK, DARK_PAPER = "#e6e7ea", "#15181d"
BLUE, RED, GREEN, PURPLE, OCHRE = "#2f7ebc", "#d95f2b", "#2a9d78", "#a8659f", "#b58512"
COLOURS = (BLUE, RED, GREEN, PURPLE, OCHRE)
"""After Okabe and Ito (2008), each at a contrast of 3 or more against either paper."""

FAINT, SOFT, MILD = 0.12, 0.3, 0.65  # shares of ink: grid and bars; axes and reference lines; words of second rank
BAND, DOT = 0.2, 0.55  # shares of colour: bands and bars; dots
WIDE, HIGH = 6.4, 4.2  # inches
SQUARE = 5.2, 5.0
THIN = 300  # points of a curve
LETTERS = 14.5  # of a note to the inch
PANELS = 12  # on one sheet, at most


def sheet(dark: bool) -> Any:
    """The settings of matplotlib under which a figure is made."""
    ink, paper = (DARK_INK, DARK_PAPER) if dark else (INK, PAPER)
    coloured = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor", "lines.color")
    return dict.fromkeys(coloured, ink) | {
        "figure.facecolor": paper, "savefig.facecolor": paper, "axes.facecolor": "none", "font.family": "DejaVu Sans",
        "axes.edgecolor": (ink, SOFT), "xtick.color": (ink, SOFT), "ytick.color": (ink, SOFT), "patch.linewidth": 0.0,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "axes.axisbelow": True,
        "axes.grid": True, "grid.color": (ink, FAINT), "grid.linewidth": 0.7, "font.size": 8.5,
        "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelsize": 9,
        "xtick.labelsize": 8, "ytick.labelsize": 8, "xtick.major.size": 3, "ytick.major.size": 3, "xtick.minor.size": 0,
        "ytick.minor.size": 0, "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round", "axes.formatter.use_mathtext": False, "axes.unicode_minus": True,
    }  # fmt: skip


def ink() -> str:
    """The ink of the sheet that is drawn on."""
    from matplotlib import rcParams

    return str(rcParams["text.color"])


def framed(figure: Any, title: str, note: str) -> None:
    """Title above at the left, note below it all."""
    width = int(figure.get_figwidth() * LETTERS)
    figure.suptitle(fill(title, int(width * 0.72)), x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    if note:
        figure.supxlabel(fill(note, width), x=0.01, ha="left", fontsize=7.5, alpha=MILD)


def number(value: float, _: Any = None) -> str:
    """1,234,567; 0.025; 1.2e-05: a tick as people read it."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else ""
    text = f"{value:,.0f}" if 1e5 <= abs(value) < 1e10 else f"{value:,.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(value: float, _: Any = None) -> str:
    """A share as 12.5%."""
    return f"{100 * value:.4g}%"


def ticked(axis: Any, *, log: bool = False, form: Any = number) -> None:
    """Few ticks at round numbers, written by `form`; on a log scale at 1, 2, 5 where that is not too many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = sorted(axis.get_view_interval())
    if log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        decades = np.log10(high / low) if low > 0 else 9.0
        if decades < 0.9:
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        else:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,), numticks=9))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(form))


def thinned(along: FloatArray) -> IntArray:
    """Which points of a curve to draw, along (m,) increasing: THIN at most, the first and the last among them."""
    steps = np.searchsorted(along, np.linspace(along[0], along[-1], THIN))
    return (
        np.arange(len(along)) if len(along) <= THIN else np.unique([0, *steps.clip(max=len(along) - 1), len(along) - 1])
    )


def shortened(label: str, most: int = 28) -> str:
    """A label cut in the middle where it is too long."""
    return (
        label
        if len(label) <= most
        else f"{label[: most - most // 3 - 1]}\N{HORIZONTAL ELLIPSIS}{label[-(most // 3) :]}"
    )


def plain(label: str) -> str:
    """A label with no dollar that matplotlib would read as mathematics."""
    return label.replace("$", r"\$")
