"""A picture and all that it shows: numbers first, drawn when it is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from typing import Any, final

from expfam.errors import ExpfamError
from expfam.outputs import located, whole
from expfam.pictures.style import HIGH, WIDE, Numbers, framed, sheet
from expfam.pictures.vector import inline

SUFFIXES = (".png", ".svg", ".pdf")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What does it show, and what numbers are drawn?

    `data` holds every number drawn, by name; `title` and `note` (rows, what was binned or left out) stand on the
    picture, `caption` says in a sentence how to read it. `drawing(figure, data)` draws; `size` is in inches. Without
    matplotlib there is `data` all the same.
    """

    name: str
    title: str
    note: str
    caption: str
    data: Numbers
    drawing: Callable[[Any, Numbers], None]
    size: tuple[float, float] = (WIDE, HIGH)

    def figure(self, *, dark: bool = False) -> Any:
        """A matplotlib Figure of its own, no state of pyplot touched; ExpfamError where matplotlib is missing."""
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError:
            raise ExpfamError(
                "pictures are drawn by matplotlib, which is not installed: pip install 'expfam[plot]'. The numbers "
                "are in .data without it"
            ) from None
        with rc_context(sheet(dark)):
            figure = Figure(figsize=self.size, layout="constrained")
            self.drawing(figure, self.data)
            framed(figure, self.title, self.note)
        return figure

    def png(self, *, dark: bool = False, dpi: int = 160) -> bytes:
        """The picture as PNG."""
        out = BytesIO()
        self.figure(dark=dark).savefig(out, format="png", dpi=dpi)
        return out.getvalue()

    def svg(self, width: int | None = None) -> str:
        """An <svg> to stand inside a page: transparent, in the page's own ink, light or dark; `width` in pixels."""
        return inline(self.figure(), self.name.replace("_", "-"), f"{self.title}. {self.caption}", width)

    def save(self, path: str | PathLike[str], *, dark: bool = False, dpi: int = 200) -> None:
        """Write a .png, .svg or .pdf; ExpfamError for other suffixes, and where the file cannot be written."""
        path = located(path)
        kind = path.suffix.lower()
        if kind not in SUFFIXES:
            raise ExpfamError(f"{path}: no kind of picture written here; allowed: {', '.join(SUFFIXES)}")
        figure = self.figure(dark=dark)
        title = {"Title": self.title}
        whole(path, lambda part: figure.savefig(part, format=kind[1:], dpi=dpi, metadata=title))

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_svg_(self) -> str:
        return self.svg()
