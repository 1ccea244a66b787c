"""Every column group against the matrix written out: forward, adjoint, gram, quadratic, and the maps of (14)."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expfam.design import Columns, Design, assemble
from expfam.kernels import compiled, definition

N = 30


def draw_columns(kind: str, rng: np.random.Generator) -> Columns:
    """A term of each kind of storage, with random values, codes and contrasts."""
    levels, m = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    codes = rng.integers(0, levels, N).astype(np.int32)
    values = rng.normal(size=(N, m))
    tag = f"{kind}{rng.integers(1 << 30)}"
    names = lambda count: tuple(f"{tag}[{j}]" for j in range(count))  # noqa: E731  one line, used below
    kept = np.arange(1, levels)
    return {
        "ones": lambda: Columns((tag,)),
        "dense": lambda: Columns(names(m), values=values),
        "dense mapped": lambda: Columns(names(2), values=values, contrast=rng.normal(size=(m, 2))),
        "full": lambda: Columns(names(levels), codes=codes, levels=levels),
        "treatment": lambda: Columns(names(levels - 1), codes=codes, levels=levels, contrast=kept),
        "contrast": lambda: Columns(names(2), codes=codes, levels=levels, contrast=rng.normal(size=(levels, 2))),
        "valued": lambda: Columns(names(m * levels), codes=codes, levels=levels, values=values),
        "valued kept": lambda: Columns(
            names(levels - 1), codes=codes, levels=levels, values=values[:, :1], contrast=kept
        ),
    }[kind]()


KINDS = ["ones", "dense", "dense mapped", "full", "treatment", "contrast", "valued", "valued kept"]
mixtures = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)
seeds = st.integers(0, 2**32 - 1)


def build(kinds: list[str], seed: int, compile_: bool) -> tuple[Design, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    columns = tuple(draw_columns(kind, rng) for kind in kinds)
    return assemble(columns, N, compile_), np.hstack([c.dense(N) for c in columns]), rng


both = pytest.mark.parametrize("compile_", [False, True], ids=["definition", "compiled"])


@both
@given(mixtures, seeds)
def test_verbs_are_those_of_the_matrix(compile_: bool, kinds: list[str], seed: int) -> None:
    design, X, rng = build(kinds, seed, compile_)
    maps = design.maps
    for shape in ((), (3,)):
        theta, rows = rng.normal(size=(design.p, *shape)), rng.normal(size=(N, *shape))
        assert np.allclose(design.forward(maps.forward(theta)), X @ theta)
        assert np.allclose(maps.adjoint(design.adjoint(rows)), X.T @ rows)
    for weights in (rng.random(N), rng.normal(size=N)):
        assert np.allclose(maps.congruence(design.gram(weights)), X.T @ (weights[:, None] * X))
    form = rng.normal(size=(design.p, design.p))
    assert np.allclose(design.quadratic(form), np.einsum("ni,ij,nj->n", X, form, X))


@both
@given(mixtures, seeds)
def test_rows_can_be_taken(compile_: bool, kinds: list[str], seed: int) -> None:
    design, X, rng = build(kinds, seed, compile_)
    theta = rng.normal(size=design.p)
    for at in (slice(3, 17), rng.permutation(N)[:8]):
        part = design.take(at)
        assert part.n == len(X[at])
        assert np.allclose(part.forward(part.maps.forward(theta)), X[at] @ theta)


@given(mixtures, seeds, st.integers(1, N - 1))
def test_gram_is_a_sum_over_row_blocks(kinds: list[str], seed: int, cut: int) -> None:
    design, _, rng = build(kinds, seed, False)
    weights = rng.random(N)
    parts = [design.take(slice(0, cut)).gram(weights[:cut]), design.take(slice(cut, N)).gram(weights[cut:])]
    assert np.allclose(design.gram(weights), parts[0] + parts[1])


VERBS: list[tuple[str, Callable[[np.random.Generator], np.ndarray]]] = [
    ("forward", lambda rng: rng.normal(size=12)),
    ("forward", lambda rng: rng.normal(size=(12, 2))),
    ("adjoint", lambda rng: rng.normal(size=N)),
    ("adjoint", lambda rng: rng.normal(size=(N, 2))),
    ("cross", lambda rng: (rng.normal(size=N), rng.normal(size=(N, 3)))),
    ("gram", lambda rng: rng.random(N)),
]


@pytest.mark.parametrize("valued", [False, True])
@pytest.mark.parametrize(("verb", "argument"), VERBS)
@given(seed=seeds)
def test_compiled_verbs_are_their_definition(
    verb: str, argument: Callable[[np.random.Generator], np.ndarray], valued: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(4 * k, 4 * k + 4, N) for k in range(3)], axis=1).astype(np.int32)
    values = rng.normal(size=codes.shape) if valued else None
    extra = () if verb == "forward" else (12,)
    what = argument(rng)
    given_rows = what if isinstance(what, tuple) else (what,)
    ours, theirs = (getattr(module, verb)(codes, values, *given_rows, *extra) for module in (compiled, definition))
    assert np.allclose(ours, theirs)


def test_a_matrix_is_not_copied() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    design = assemble((Columns(("Intercept",)), Columns(("a", "b", "c"), values=X)), 50)
    assert design.groups[1].columns() is X
    assert design.take(slice(10, 20)).groups[1].columns().base is X
