"""One content, four ways to write it down."""

from collections.abc import Callable

from expfam.errors import one_of
from expfam.report import html, latex, markdown, text
from expfam.report.content import Content

FORMATS: dict[str, Callable[[Content], str]] = {
    "text": text.render,
    "markdown": markdown.render,
    "latex": latex.render,
    "html": html.render,
}


def written(what: Content, format: str) -> str:
    """Content as "text", "markdown", "latex" (booktabs) or "html"."""
    one_of("format", format, tuple(FORMATS))
    return FORMATS[format](what)
