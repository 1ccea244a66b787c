"""A design some of whose columns are replaced by numbers of their own, such as what the other columns leave over."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._map import Map, Split
from expfam.design.dense import Dense
from expfam.design.design import Design, spans_of


@dataclass(frozen=True, slots=True)
class Replaced:
    """The map C of a design to which columns were added at its end: they are the coefficients numbered `moved` (u,), of
    which `maps` is to see nothing."""

    maps: Map
    moved: AnyArray

    @property
    def raw(self) -> int:
        """How many raw columns."""
        return self.maps.raw + len(self.moved)

    @property
    def p(self) -> int:
        """How many coefficients."""
        return self.maps.p

    def forward(self, theta: FloatArray) -> FloatArray:
        """C theta, (raw,) or (raw, d)."""
        rest = theta.copy()
        rest[self.moved] = 0.0
        return np.concatenate([self.maps.forward(rest), theta[self.moved]])

    def adjoint(self, raw: FloatArray) -> FloatArray:
        """C' raw, (p,) or (p, m)."""
        found = np.array(self.maps.adjoint(raw[: self.maps.raw]))
        found[self.moved] = raw[self.maps.raw :]
        return found

    def squares(self, raw: FloatArray) -> FloatArray:
        """(C * C)' raw, (p,)."""
        found = np.array(self.maps.squares(raw[: self.maps.raw]))
        found[self.moved] = raw[self.maps.raw :]
        return found

    def congruence(self, raw: FloatArray) -> FloatArray:
        """C' H C, (p, p): block by block, for a map may cancel digits in a way of its own."""
        at, moved = self.maps.raw, self.moved
        found, cross = np.array(self.maps.congruence(raw[:at, :at])), self.maps.adjoint(raw[:at, at:])
        found[:, moved], found[moved] = cross, cross.T
        found[np.ix_(moved, moved)] = raw[at:, at:]
        return found

    def entries(self) -> tuple[AnyArray, AnyArray, FloatArray]:
        """Raw column, coefficient and number of every entry of C that is not zero, but for the centring."""
        raw, columns, numbers = self.maps.entries()
        stay, own = ~np.isin(columns, self.moved), self.maps.raw + np.arange(len(self.moved))
        found = (raw[stay], own), (columns[stay], self.moved), (numbers[stay], np.ones(len(own)))
        raw, columns, numbers = map(np.concatenate, found)
        return raw, columns, numbers

    def split(self, at: int) -> Split:
        """The blocks of the map without them: a design with a wide factor has none."""
        return self.maps.split(at)


def replaced(design: Design, moved: AnyArray, values: FloatArray) -> Design:
    """The design whose columns numbered `moved` (u,) are `values` (n, u); of no wide factor, which comes last."""
    assert design.wide is None, "a wide factor comes last"
    groups = (*design.groups, Dense(values, None, design.compiled))
    return replace(design, groups=groups, maps=Replaced(design.maps, moved), spans=spans_of(groups))
