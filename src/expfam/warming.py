"""Compile every kernel once, so that no fit has to: Numba keeps them on disk beside the package."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from expfam.design import Columns, Design, assemble
from expfam.design.cells import cells
from expfam.families import (
    Bernoulli,
    Categorical,
    ExponentialFamily,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Poisson,
    Tweedie,
)
from expfam.kernels.compiling import compiling
from expfam.kernels.lines import NARROW
from expfam.kernels.pace import Update
from expfam.links import link
from expfam.objective import Data, Objective
from expfam.penalties import NoPenalty
from expfam.progress import progress as showing
from expfam.solvers.trail import How, start
from expfam.solvers.walk import walk

N = 64
FAMILIES: tuple[ExponentialFamily, ...] = (
    Gaussian(), Poisson(), Bernoulli(), Categorical(3), Gamma(), NegativeBinomial(1.0), Tweedie(1.5)
)  # fmt: skip


def warmup(progress: bool = False) -> None:
    """What may wait now instead of at the first large fit? Loads all compiled kernels, and compiles those not on disk.

    It takes a few seconds; the first time on a machine a minute or two. From then on this process fits data from 50,000
    numbers in all with them, and any other process data from 2,000,000, which is faster and differs by rounding. Where
    they were never compiled, processes do without them until they have fitted 200,000,000.
    `progress` shows what is being compiled.
    """
    with showing(progress, "compiling") as tell, compiling():
        for name in each():
            tell(f"compiled: {name}")


def each() -> Iterator[str]:
    """Evaluate a tiny problem of every pair on every kind of column; yields what was just compiled."""
    from expfam.kernels import debt, lookup, steps, steps_classes

    draw = np.random.default_rng(0)
    for name, columns in _kinds(draw):
        design = assemble(columns, N, True)
        _evaluate(Poisson(), design, draw)
        _evaluate(Categorical(3), design, draw)
        cells(design, N, guess=False)
        yield name
    yield from _slots()
    for size, width in product(lookup.SIZES, repeat=2):
        lookup.kernel(size, width)
    yield "tables of values"
    for learner in (Poisson(), Categorical(3)):
        _learn(learner, assemble((Columns(("Intercept",)),), N, True), draw)
    debt.pay()
    for update in Update:
        steps.moved(update)
        steps_classes.moved(update)
    yield "rows one after the other"
    for family in FAMILIES:
        _evaluate(family, assemble((Columns(("Intercept",)),), N, True), draw)
        yield family.name


def _slots() -> Iterator[str]:
    """What sweeps do with codes of a few levels, some or many, and with one or two numbers of both sizes."""
    from expfam.kernels import slots

    codes = dict.fromkeys(("uint8", "uint16", "uint32"), slots.OF_CODES)
    for name, functions in {**codes, "float32": (slots.few,), "float64": slots.OF_NUMBERS}.items():
        for function in functions:
            slots.kernel(function, np.dtype(name))
        yield f"sweeps over {name}"


def _kinds(draw: np.random.Generator) -> Iterator[tuple[str, tuple[Columns, ...]]]:
    """Numbers of both sizes and orders, factors alone, joined, crossed with numbers, sparse columns, side by side."""
    from scipy.sparse import csr_array

    wide = draw.normal(size=(N, 5))
    for kind in (np.float64, np.float32):
        for order in ("C", "F"):
            values = np.array(wide, dtype=kind, order=order)
            yield f"{np.dtype(kind).name} columns in {order} order", (_named("x", 5, values=values),)
        many = draw.normal(size=(N, NARROW + 1)).astype(kind)
        yield f"many {np.dtype(kind).name} columns", (_named("x", NARROW + 1, values=many),)
        for count in (4, NARROW):
            yield f"{count} of more {np.dtype(kind).name} columns", (_named("x", count, values=many[:, :count]),)
    factors = [
        _named(name, levels, codes=draw.integers(0, levels, N).astype(kind), levels=levels)
        for name, levels, kind in (("a", 3, np.int8), ("b", 200, np.int16), ("c", 300, np.int16), ("d", 900, np.int32))
    ]
    slopes = _named("s", 3, codes=factors[0].codes, levels=3, values=wide[:, :1].copy())
    held = draw.random((N, 5)) < 0.3
    thin, ones = csr_array(np.where(held, wide, 0.0)), csr_array(held.astype(float))
    yield "a factor of few levels", tuple(factors[:1])
    yield "factors", tuple(factors)
    yield "factors, slopes, numbers and sparse columns", (
        *factors, slopes, _named("x", 5, values=wide), _named("z", 5, sparse=thin)
    )  # fmt: skip
    yield "sparse columns of ones", (_named("z", 5, sparse=ones),)


def _named(name: str, count: int, **stored: object) -> Columns:
    return Columns(tuple(f"{name}{j}" for j in range(count)), **stored)  # type: ignore[arg-type]


def _evaluate(family: ExponentialFamily, design: Design, draw: np.random.Generator) -> None:
    objective = _objective(family, design, draw)
    objective(np.zeros((design.p, 2) if family.vector else design.p))
    design.squares(np.ones(N))
    design.quadratic(np.eye(design.p))


def _learn(family: ExponentialFamily, design: Design, draw: np.random.Generator) -> None:
    objective, how = _objective(family, design, draw), How()
    theta = np.zeros((design.p, 2) if family.vector else design.p)
    walk(objective, start(theta, how, objective.penalty), how)


def _objective(family: ExponentialFamily, design: Design, draw: np.random.Generator) -> Objective:
    y = draw.integers(0, 2, N).astype(np.float64) + (1.0 if isinstance(family, Gamma) else 0.0)
    data = Data(design, y, family.conjugate(family.T(y)), np.ones(N), None)
    return Objective(family, link(None, family), NoPenalty().bind(design.names), data)
