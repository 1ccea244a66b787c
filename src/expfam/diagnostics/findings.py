"""What was found when a fit was looked over: a figure, a verdict and a remedy each, warnings first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np

from expfam.data.answer import frame_like
from expfam.errors import ExpfamError

VERDICTS = ("warning", "look", "ok")
NOTHING = "nothing"
OPEN = "there is nothing to judge it by: the means are all alike, or meet the responses, or the rows are too few"
RARE, RARER = 0.01, 0.001
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """`value` is what `figure` says in words, p_value NaN where there is no test; `sentence` what it means, and what to
    do unless the verdict is "ok"."""

    name: str
    value: float
    figure: str
    p_value: float
    verdict: str
    sentence: str


def verdict(p: float, size: float, look: float, warning: float) -> str:
    """ "look" where p < 0.01 and the size is at least `look`, "warning" where p < 0.001 and it is at least `warning`.

    Size as well as p: with a million rows any model is rejected, with twenty anything is large. NOTHING where either is
    NaN: what was not measured is not fine.
    """
    if np.isnan(p) or np.isnan(size):
        return NOTHING
    if p < RARER and size >= warning:
        return "warning"
    return "look" if p < RARE and size >= look else "ok"


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """All that was looked at, warnings first; `left_out` says why other checks do not apply, or could not be judged."""

    found: tuple[Finding, ...]
    left_out: Mapping[str, str]
    kind: str

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those of verdict "warning"."""
        return tuple(finding for finding in self.found if finding.verdict == "warning")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, name: str) -> Finding:
        found = next((finding for finding in self.found if finding.name == name), None)
        if found is None:
            why = self.left_out.get(name)
            known = ", ".join(finding.name for finding in self.found)
            raise ExpfamError(f"{name!r} was not checked: {why}" if why else f"no check is named {name!r}: {known}")
        return found

    def table(self) -> Any:
        """name, verdict, figure, value, p_value, sentence."""
        names = ("name", "verdict", "figure", "value", "p_value", "sentence")
        return frame_like(self.kind, {name: [getattr(finding, name) for finding in self.found] for name in names})

    def __str__(self) -> str:
        width = max((len(finding.name) for finding in self.found), default=0)
        lines = []
        for finding in self.found:
            p = "" if np.isnan(finding.p_value) else f", P {finding.p_value:.2g}"
            text = f"{finding.figure}{p}. {finding.sentence}"
            head = f"{finding.verdict:<7}  {finding.name:<{width}}  "
            lines += wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
        return "\n".join(lines)


def ordered(found: Sequence[Finding], left_out: Mapping[str, str], kind: str) -> Findings:
    """Warnings first, then what is worth a look, each in the order of the checks; those of no verdict are left out."""
    told = [finding for finding in found if finding.verdict != NOTHING]
    open_ = {finding.name: OPEN for finding in found if finding.verdict == NOTHING}
    return Findings(
        tuple(sorted(told, key=lambda finding: VERDICTS.index(finding.verdict))), {**left_out, **open_}, kind
    )
