"""V M V: covariances that stand when the variance is wrong, rows belong together, or follow one another in time.

V = H^-1 is the bread, M = sum of s s' the meat: s are the scores x_i w_i (mu_i - T_i) psi'_i of single rows, of whole
clusters (Liang and Zeger 1986), or with the products of neighbours in time (Newey and West 1987). All of it is in
standard coordinates, where an uncentred column costs no digits.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, pairwise
from operator import add

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.design import Grams
from expfam.errors import CovarianceWarning, ExpfamError
from expfam.inference.covariance import meat
from expfam.inference.optimum import Optimum
from expfam.information import Covariance, Information
from expfam.information.covariance import Written
from expfam.objective import Data, information
from expfam.parallel import ordered_sum, slices
from expfam.response import Level

HC = ("HC0", "HC1", "HC2", "HC3")
PRESETS = ("r", "stata", "statsmodels", "fixest")
CELLS = 1 << 20  # numbers of X written out at a time


def heteroscedastic(optimum: Optimum, kind: str) -> Covariance:
    """HC0: s_i as they are; HC1: times n / (n - q); HC2: s_i / sqrt(1 - h_i); HC3: s_i / (1 - h_i), h the leverage.

    As R's sandwich::vcovHC for a glm (White 1980, MacKinnon and White 1985); for classes 1 - h is the matrix I - H_i.
    """
    if kind not in HC:
        raise ExpfamError(f"{kind!r} is no sandwich; choose one of {', '.join(HC)}")
    if optimum.prepared.n * optimum.classes <= optimum.beta.size:
        raise ExpfamError(
            f"{kind}: {optimum.prepared.n:,} rows are met exactly by {optimum.beta.size:,} coefficients, so that every "
            "score is zero; there is no variance to see"
        )
    power = {"HC2": 0.5, "HC3": 1.0}.get(kind, 0.0)
    found = _of_rows(optimum, optimum.factor.inverse(), power)
    n, q = optimum.prepared.n, optimum.beta.size
    return found.times(n / (n - q)) if kind == "HC1" and n > q else found


def sampled(optimum: Optimum, bread: Covariance) -> Covariance:
    """V M V n / (n - 1): valid under sampling weights, as survey's svyglm for one stratum of single rows."""
    n = optimum.prepared.n
    return _of_rows(optimum, bread, 0.0).times(n / max(n - 1, 1))


def _of_rows(optimum: Optimum, bread: Covariance, power: float) -> Covariance:
    """V M V of the scores of single rows, s_i / (1 - h_i)^power."""
    if isinstance(bread, Written) and bread.half is not None:
        return bread.around(_turned_meat(optimum, bread, power))
    times = optimum.prepared.frequency
    return bread.sandwich(
        _inflated_meat(optimum, bread, power) if power else meat(optimum.problem.objective, optimum.beta, times)
    )


def _turned_meat(optimum: Optimum, bread: Written, power: float) -> FloatArray:
    """The same sum of products, of rows written out and turned before they are multiplied."""
    step = max(CELLS // max(optimum.beta.size, 1), 1)

    def part(rows: slice) -> FloatArray:
        turned = bread.turned(optimum.single(scores(optimum, rows, bread, power), rows))
        times = optimum.prepared.frequency
        return np.asarray((turned.T if times is None else turned.T * times[rows]) @ turned)

    return ordered_sum(part, slices(optimum.problem.objective.data.n, step))


def _inflated_meat(optimum: Optimum, bread: Covariance, power: float) -> Information:
    """sum_i s_i s_i' / (1 - h_i)^(2 power), in the form of the information; a row of frequency f counts as f rows."""
    objective = optimum.problem.objective
    maps = objective.data.design.maps
    step = max(CELLS // max(maps.raw, optimum.beta.size, 1), 1024)

    def part(rows: slice) -> Grams:
        block = objective.data.take(rows)
        score = _inflated(optimum, block, rows, bread, power)
        a, b = np.triu_indices(score.shape[1])
        return block.design.grams(np.ascontiguousarray(optimum.single(score[:, a] * score[:, b], rows).T))

    return information(ordered_sum(part, slices(objective.data.n, step)), maps)


def _inflated(
    optimum: Optimum, block: Data, rows: slice | AnyArray, bread: Covariance | None, power: float
) -> FloatArray:
    """w_i (mu_i - T_i) psi'_i / (1 - h_i)^power of some rows, (m, d)."""
    objective, raw = optimum.problem.objective, block.design.maps.forward(optimum.beta)
    if bread is None or not power:
        score = objective.rows(block, raw, Level.GRADIENT).score
        assert score is not None
        return score.reshape(block.n, -1)
    found = objective.rows(block, raw, Level.HESSIAN)
    assert found.score is not None
    assert found.weight is not None
    weight = optimum.single(np.atleast_2d(found.weight).T, rows).T
    variance = bread.of_rows(block.design, optimum.classes)
    return inflated(found.score.reshape(block.n, -1), weight, variance, power)


def inflated(score: FloatArray, weight: FloatArray, variance: FloatArray, power: float) -> FloatArray:
    """s / (1 - h)^power with h = w x'Vx, (n, d); for classes W^1/2 (I - W^1/2 x'Vx W^1/2)^-power W^-1/2 s.

    weight (pairs, n) as the response gives it; a row of leverage 1, which its fit meets whatever its response, has
    score 0 and keeps it.
    """
    if score.shape[1] == 1:
        left = 1 - weight[0] * variance[:, 0, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(left[:, None] > 1e-12, score / (left[:, None] ** power), score))
    d = score.shape[1]
    full = np.empty((len(score), d, d))
    a, b = np.triu_indices(d)
    full[:, a, b], full[:, b, a] = weight.T, weight.T
    sizes, turn = np.linalg.eigh(full)
    sizes = np.sqrt(np.maximum(sizes, 0.0))
    up = np.einsum("nij,nj,nkj->nik", turn, sizes, turn)
    down = np.einsum("nij,nj,nkj->nik", turn, np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 1e-8), turn)
    levers, axes = np.linalg.eigh(np.eye(d) - up @ variance @ up)
    grow = np.einsum("nij,nj,nkj->nik", axes, np.maximum(levers, 1e-12) ** -power, axes)
    return np.asarray(np.einsum("nij,njk,nkl,nl->ni", up, grow, down, score))


# ---- rows that belong together -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The cluster of every row, codes (n,) from 0 on, and what the clustering is called."""

    name: str
    codes: IntArray

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.codes.max()) + 1


def clustered(optimum: Optimum, ways: Sequence[Clusters], preset: str = "r") -> Covariance:
    """Scores summed within clusters; for several ways sum over subsets of ways, (-1)^(size + 1) (Cameron et al. 2011).

    Small samples, with G clusters, n rows, q coefficients, per way:
      "r"            G / (G - 1), as sandwich::vcovCL for a glm (its type HC0); "stata" the same, as its logit, poisson
      "statsmodels"  G / (G - 1) (n - 1) / (n - q), as its cov_type="cluster"
      "fixest"       the same with the least G of all ways for every subset

    Several ways may add up to a matrix with negative eigenvalues, where there are few clusters. Where a variance is
    negative, and always under "fixest", these are set to zero (Cameron et al.), told by a CovarianceWarning.
    """
    if preset not in PRESETS:
        raise ExpfamError(f"ssc={preset!r} is not allowed; choose one of {', '.join(map(repr, PRESETS))}")
    for way in ways:
        if way.count < 2:
            raise ExpfamError(f"cluster={way.name!r} has a single cluster: nothing to compare it with; at least two")
    n, q = optimum.prepared.n, optimum.beta.size
    least = min(way.count for way in ways)
    bread = optimum.factor.inverse().written()
    meats = []
    for size in range(1, len(ways) + 1):
        for some in combinations(ways, size):
            codes = reduce(_crossed, (way.codes for way in some))
            groups = least if preset == "fixest" else int(codes.max()) + 1
            small = 1.0 if preset in ("r", "stata") else (n - 1) / (n - q)
            share = (-1.0) ** (size + 1) * small * groups / (groups - 1)
            meats.append(share * _cluster_meat(optimum, bread, codes))
    total = reduce(add, meats)
    found = bread.around(total)
    if len(ways) == 1 or (preset != "fixest" and not np.any(optimum.original(found).diagonal < 0)):
        return found
    return bread.around(_semidefinite(bread, total))


def _semidefinite(bread: Written, meat: FloatArray) -> FloatArray:
    """The meat with the negative eigenvalues of L' M L, V = L L', set to zero; L is 1 where scores were turned."""
    sizes, axes = np.linalg.eigh(bread.matrix if bread.half is None else np.eye(bread.size))
    half = axes * np.sqrt(np.maximum(sizes, 0.0))
    values, vectors = np.linalg.eigh(half.T @ meat @ half)
    if values[0] >= -1e-12 * max(values[-1], 0.0):
        return meat
    warnings.warn(
        f"the covariance of clusters in several ways has {int((values < 0).sum())} negative eigenvalues of "
        f"{len(values)}, set to zero: there are few clusters, and standard errors may be too small",
        CovarianceWarning,
        stacklevel=2,
    )
    back = np.linalg.pinv(half).T @ vectors
    return np.asarray((back * np.maximum(values, 0.0)) @ back.T)


def _crossed(one: IntArray, other: IntArray) -> IntArray:
    """The intersections of two clusterings, numbered from 0 on."""
    both = one.astype(np.int64) * (int(other.max()) + 1) + other
    return np.asarray(np.unique(both, return_inverse=True)[1])


def _cluster_meat(optimum: Optimum, bread: Written, codes: IntArray) -> FloatArray:
    """sum_g S_g S_g' with S_g the sum of the scores of cluster g: rows are read cluster by cluster."""
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    starts = np.flatnonzero(np.diff(sorted_codes, prepend=sorted_codes[:1] - 1))
    step = max(CELLS // max(optimum.beta.size, 1), 1)

    def part(bounds: tuple[int, int]) -> FloatArray:
        lo, hi = bounds
        inside = starts[(starts >= lo) & (starts < hi)] - lo
        sums = bread.turned(np.add.reduceat(scores(optimum, order[lo:hi]), inside, axis=0))
        return np.asarray(sums.T @ sums)

    return ordered_sum(part, list(_whole_clusters(starts, len(codes), step)))


def _whole_clusters(starts: IntArray, n: int, step: int) -> Iterator[tuple[int, int]]:
    """Bounds at starts of clusters, about `step` rows apart."""
    cuts = np.unique(
        np.append(starts[np.searchsorted(starts, np.arange(0, n, step), "left").clip(max=len(starts) - 1)], n)
    )
    yield from ((int(a), int(b)) for a, b in pairwise(cuts))


def scores(optimum: Optimum, rows: slice | AnyArray, bread: Covariance | None = None, power: float = 0.0) -> FloatArray:
    """s_i = x_i w_i (mu_i - T_i) psi'_i for some rows, in standard coordinates, (m, q d), class after class; over
    (1 - h_i)^power, h of V `bread`."""
    block = optimum.problem.objective.data.take(rows)
    maps = block.design.maps
    columns, X = _inflated(optimum, block, rows, bread, power), block.design.forward(maps.forward(np.eye(maps.p)))
    return np.concatenate([columns[:, [a]] * X for a in range(columns.shape[1])], axis=1)


# ---- rows that follow one another ----------------------------------------------------------------------------------


def serial(optimum: Optimum, lags: int | None, order: IntArray | None = None) -> Covariance:
    """M = G_0 + sum_l (1 - l / (L + 1)) (G_l + G_l'), G_l = sum_t s_t s_(t-l)' (Newey and West 1987).

    No small-sample factor. Rows in the order given (`order` (n,), None: as they stand); L = floor(4 (n / 100)^(2/9))
    where `lags` is None.
    """
    n = optimum.problem.objective.data.n
    L = int(np.floor(4 * (n / 100) ** (2 / 9))) if lags is None else lags
    if optimum.prepared.frequency is not None:
        raise ExpfamError("hac needs single rows in time; frequency weights stand for several rows of one place")
    if not 0 <= L < n:
        raise ExpfamError(f"hac={lags}: a number of lags from 0 to below the {n} rows, or None to choose it by n")
    place, bread = np.arange(n) if order is None else order, optimum.factor.inverse().written()
    step = max(CELLS // max(optimum.beta.size, 1), 4 * L + 1)

    def part(rows: slice) -> FloatArray:
        lo = max(rows.start - L, 0)
        s = bread.turned(scores(optimum, place[lo : rows.stop]))
        now = s[rows.start - lo :]
        total = now.T @ now
        for lag in range(1, L + 1):
            first = max(rows.start - lag, 0)
            late = s[first + lag - lo :]
            cross = late.T @ s[first - lo : first - lo + len(late)]
            total += (1 - lag / (L + 1)) * (cross + cross.T)
        return np.asarray(total)

    return bread.around(ordered_sum(part, slices(n, step)))
