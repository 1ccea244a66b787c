"""Numbers of several terms as one matrix, which they may be views of from the start."""

from dataclasses import replace
from itertools import accumulate

import numpy as np

from expfam._typing import AnyArray
from expfam.design.columns import Columns
from expfam.parallel import in_pieces

LOOKED = 1000  # rows by which a column of zeros and ones, which is stored otherwise, is told from numbers


def beside(blocks: list[AnyArray]) -> AnyArray:
    """Some columns as one matrix: the one that they are neighbours in, else a copy, row by row, but single columns one
    after the other, as they lie: few are read faster so, and many are copied faster."""
    if len(blocks) == 1:
        return blocks[0]
    held = _matrix(blocks)
    if held is not None:
        return held
    kind = np.result_type(*blocks)
    if any(block.shape[1] > 1 for block in blocks):
        out = np.empty((len(blocks[0]), sum(block.shape[1] for block in blocks)), kind)
        in_pieces(lambda at: np.concatenate([block[at] for block in blocks], axis=1, out=out[at]), out)
        return out
    out = np.empty((len(blocks), len(blocks[0])), kind)

    def part(at: slice) -> None:
        for row, block in zip(out, blocks, strict=True):
            row[at] = block[at, 0]

    in_pieces(part, out.T)
    return out.T


def shared(terms: tuple[Columns, ...]) -> tuple[Columns, ...]:
    """The same terms, their numbers views of one matrix: a design takes it as it is, and what they were is let go."""
    dense = [c for c in terms if c.codes is None and c.values is not None and not _indicates(c.values[:LOOKED])]
    if len(dense) < 2:
        return terms
    matrix = beside([c.values for c in dense if c.values is not None])
    ends = accumulate(c.raw for c in dense)
    views = {id(c): matrix[:, end - c.raw : end] for c, end in zip(dense, ends, strict=True)}
    return tuple(replace(c, values=views[id(c)]) if id(c) in views else c for c in terms)


def _indicates(values: AnyArray) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _matrix(blocks: list[AnyArray]) -> AnyArray | None:
    """The columns of one matrix that all blocks are, from left to right; None where they are not."""
    base, first = blocks[0].base, blocks[0]
    if base is None or any(block.base is not base or block.strides != first.strides for block in blocks):
        return None
    places = [block.__array_interface__["data"][0] for block in blocks]
    ends = accumulate((block.shape[1] for block in blocks), initial=0)
    step = first.strides[1]
    if any(place != places[0] + end * step for place, end in zip(places, ends, strict=False)):
        return None
    shape = len(first), sum(block.shape[1] for block in blocks)
    return np.lib.stride_tricks.as_strided(first, shape, first.strides)
