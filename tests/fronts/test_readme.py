"""Does the README tell the truth? Its Python runs as it stands, and prints the lines shown after it."""

import re
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from expfam.cli.demo import HINTS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_runs_and_prints_what_is_shown() -> None:
    pairs = [(code, shown) for (kind, code), (_, shown) in pairwise(BLOCKS) if kind == "python"]
    assert len(pairs) == 1
    for code, shown in pairs:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
        lines = printed.getvalue().splitlines()
        assert all(line in lines for line in shown.splitlines() if line != "...")


def test_shell_commands_are_the_ones_the_demo_hints_at() -> None:
    shell = re.sub(r"\\\n\s*", "", "".join(code for kind, code in BLOCKS if kind == "sh"))
    for hint in HINTS.values():
        for command in re.sub(r"\\\n\s*", "", hint).splitlines():
            assert command.replace("explain poisson", "explain bernoulli") in shell


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_make_has_the_targets_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", "".join(code for kind, code in BLOCKS if kind == "sh"), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
