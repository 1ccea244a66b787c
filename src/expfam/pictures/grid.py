"""Many small panels on one sheet."""

from collections.abc import Mapping
from typing import Any

from expfam.pictures.style import HIGH, WIDE, Numbers

COLUMNS = 3


def grid(count: int, high: float = 2.4) -> tuple[float, float]:
    """The size of a sheet of so many panels, in inches."""
    if count == 1:
        return WIDE, HIGH
    return (9.6 if count > 2 else 8.0), 0.9 + high * max(-(-count // COLUMNS), 1.15)


def split(figure: Any, count: int, **options: Any) -> list[Any]:
    """The axes of so many panels; places left over are taken away."""
    across = min(count, COLUMNS)
    panels = figure.subplots(-(-count // across), across, squeeze=False, **options).ravel().tolist()
    for axes in panels[count:]:
        axes.remove()
    return list(panels[:count])


def stacked(figure: Any, count: int) -> list[tuple[Any, Any]]:
    """So many panels, each with a strip below that shares its x."""
    across = min(count, COLUMNS)
    places = figure.add_gridspec(-(-count // across), across)
    found = []
    for k in range(count):
        inner = places[k // across, k % across].subgridspec(2, 1, height_ratios=(6, 1), hspace=0.0)
        axes = figure.add_subplot(inner[0])
        axes.tick_params(axis="x", labelbottom=False, length=0)
        found.append((axes, figure.add_subplot(inner[1], sharex=axes)))
    return found


def inches(figure: Any, count: int) -> float:
    """How wide a panel is, about."""
    return float(figure.get_figwidth()) / min(count, COLUMNS) - 0.8


def prefixed(parts: Mapping[str, Numbers]) -> Numbers:
    """The numbers of every panel under its name: "panel.x"."""
    return {f"{panel}.{name}": values for panel, part in parts.items() for name, values in part.items()}


def part(data: Numbers, panel: str) -> Numbers:
    """The numbers of one panel."""
    return {name.removeprefix(f"{panel}."): values for name, values in data.items() if name.startswith(f"{panel}.")}
