"""A figure as an inline SVG: small, in the ink of the page it stands on, and out of the way of its styles and names."""

import re
from hashlib import sha256
from html import escape
from io import StringIO
from typing import Any

from expfam.pictures.style import INK

FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
DRAWN = 'fill="currentColor" stroke-linejoin="round" stroke-linecap="butt"'
DPI = 144  # of clouds of many dots, which are pixels
NUMBER = re.compile(r"(\d{3,}\.\d|\d{1,2}\.\d\d)\d+")  # to a twentieth of a point
IDLE = re.compile(r""" font-family: 'DejaVu Sans'[^;"]*;?|; stroke-linecap: round(?=")| transform="rotate\(-0[^"]*\"""")
ROUND = re.compile(
    r'<use href="#(\w+)"[^>]*"fill: (#\w+); fill-opacity: ([\d.]+)"/>(?:<use href="#\1"[^>]*"fill: \2; [^>]*>)*'
)


def inline(figure: Any, name: str, label: str, width: int | None) -> str:
    """<svg> without XML header, text as text, ids unlike those of any other picture, transparent, currentColor.

    `label` is what a screen reader says; `width` in pixels, None for as wide as drawn; never wider than its place.
    """
    from matplotlib import rc_context

    out = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        _drawn(figure, out)
    drawn = out.getvalue()
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<(?!image)[^>]+>", _lean, body).replace(INK, "currentColor").replace("xlink:href", "href")
    body = _renamed(_bare(_dotted(re.sub(r"\s*\n\s*", "", body))))
    size = figure.get_size_inches() * 72
    style = f"width:{width or round(size[0] * 4 / 3)}px;max-width:100%;height:auto;font-family:{FONT}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img" '
        f'aria-label="{escape(label)}" style="{style}" {DRAWN}>{body}'
    )


def _drawn(figure: Any, out: StringIO) -> None:
    """What savefig(transparent=True) writes, drawn once: savefig draws twice, the first time for the layout alone."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    figure.patch.set_visible(False)
    figure.set_dpi(DPI)
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(out, metadata={"Date": None})


def _lean(tag: re.Match[str]) -> str:
    """A tag with numbers of two decimals, in the font of the whole, with an id only where something refers to it."""
    text = IDLE.sub("", NUMBER.sub(r"\1", tag[0]))
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"\s*([MLCQzZ])\s*", r"\1", path[0]), text)
    return re.sub(r' id="[^"]*"', "", text) if text.startswith(("<g", "<text")) else text


def _dotted(body: str) -> str:
    """Round markers, one element each, as one path of points with round ends."""
    radius = {mark: 2 * float(r) for mark, r in re.findall(r'<path id="(\w+)" d="M0 ([\d.]+)C', body)}

    def joined(uses: re.Match[str]) -> str:
        if uses[1] not in radius:
            return uses[0]
        dots = "".join(f"M{x} {y}h0" for x, y in re.findall(r'x="([^"]*)" y="([^"]*)"', uses[0]))
        style = f"fill: none; stroke: {uses[2]}; stroke-opacity: {uses[3]}; stroke-linecap: round"
        return f'<path d="{dots}" style="{style}; stroke-width: {radius[uses[1]]:g}"/>'

    return ROUND.sub(joined, body)


def _bare(body: str) -> str:
    """Without groups that say nothing, and without what a tick, or the root, says already.

    A tick is an open path; the fill of a closed marker stands with its use.
    """
    drawn = set(re.findall(r'<path id="(\w+)" d="[^"zZ]*" style="[^"]*stroke:', body))
    use = re.compile(r'(<use href="#(\w+)"[^>]*?) style="[^"]*"')
    body = use.sub(lambda use: use[1] if use[2] in drawn else use[0], body)
    body = re.sub(r'(<text style="[^"]*); fill: currentColor', r"\1", body).replace("<defs></defs>", "")
    said: list[bool] = []

    def kept(tag: re.Match[str]) -> str:
        if tag[0] == "</g>":
            return tag[0] if said.pop() else ""
        said.append(tag[0] != "<g>")
        return tag[0] if said[-1] else ""

    return re.sub(r"<g>|<g [^>]*>|</g>", kept, body)


def _renamed(body: str) -> str:
    """Short ids that begin with a digest of the whole, so that no other picture has them."""
    mark, found = f"p{sha256(body.encode()).hexdigest()[:6]}", dict.fromkeys(re.findall(r'\bid="([^"]*)"', body))
    short = {old: f"{mark}-{k}" for k, old in enumerate(found)}
    return re.sub(r'(\bid="|href="#|url\(#)([^")]*)', lambda at: at[1] + short[at[2]], body)
