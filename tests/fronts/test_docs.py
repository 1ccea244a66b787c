"""Does the documentation tell the truth? Its Python runs, and prints what the text block after it shows."""

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import expfam as ef

ROOT = Path(__file__).parents[2]
THEORY, PLAN = ROOT / "docs" / "theory.md", ROOT / "docs" / "architecture.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


@dataclass(frozen=True, slots=True)
class Block:
    """Code, the line of the page it starts at, and the output shown right after it ('' if none is)."""

    code: str
    line: int
    shown: str


def blocks(page: str) -> Iterator[Block]:
    """The ```python blocks of a page in order, each with the ```text block that only blank lines part from it."""
    fences = list(FENCE.finditer(page))
    for fence, after in zip(fences, [*fences[1:], None], strict=True):
        if fence[1] == "python":
            follows = after is not None and after[1] == "text" and not page[fence.end() : after.start()].strip()
            yield Block(fence[2], page.count("\n", 0, fence.start(2)), after[2] if after and follows else "")


def run(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """What the block prints; trailing blanks, which no reader sees, are left out. Errors name the page's own line."""
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
    return re.sub(r" +$", "", printed.getvalue(), flags=re.MULTILINE)


def anchors(page: str) -> set[str]:
    """The places of a page that a link may name: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_runner_sees_what_is_shown() -> None:
    page = "```python\nprint(1)\n```\n\n```text\n1\n```\n\n```python\nx = 2\n```\n\nwords\n\n```text\nx\n```\n"
    assert [(block.line, block.shown) for block in blocks(page)] == [(1, "1\n"), (9, "")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_prints_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # what a page saves goes here
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page.read_text("utf-8")):
        assert run(block, page, namespace) == block.shown, f"{page.name}, the block at line {block.line + 1}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors(target.read_text("utf-8")), f"{page.name} links to {path}#{anchor}"


def test_equations_are_numbered_once_each() -> None:
    """Docstrings cite (1) to (18): each stands at the right end of one line of the theory's formulas."""
    formulas = "".join(fence[2] for fence in FENCE.finditer(THEORY.read_text("utf-8")) if not fence[1])
    assert re.findall(r" \((\d+)\)$", formulas, re.MULTILINE) == [str(number) for number in range(1, 19)]


def test_the_map_names_every_room() -> None:
    plan = PLAN.read_text("utf-8")
    rooms = [path for path in (ROOT / "src" / "expfam").iterdir() if not path.name.startswith(("__", "."))]
    names = {f"{room.name}/" if room.is_dir() else room.name for room in rooms} - {"py.typed"}
    assert not {name for name in names if f"\n{name} " not in plan}


def test_the_index_names_what_is_public() -> None:
    """Errors and warnings stand there by their common ancestors."""
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    signals = {name for name in ef.__all__ if name.endswith(("Error", "Warning"))} - {"ExpfamError", "ExpfamWarning"}
    assert not [name for name in set(ef.__all__) - signals if f"`{name}`" not in index and name != "__version__"]
