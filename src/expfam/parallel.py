"""Who folds: how many threads share the row blocks, and the ordered sum that hides their number from the result."""

import os
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache, lru_cache, partial, reduce
from math import prod
from operator import add
from threading import Lock, local
from typing import TypeVar

import numpy as np
from threadpoolctl import LibController, ThreadpoolController

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError

T = TypeVar("T")
S = TypeVar("S")
MANY, PIECE = 1 << 19, 1 << 16  # numbers from which a second thread pays for being asked; and so many at a time

_chosen: ContextVar[int | None] = ContextVar("expfam_threads", default=None)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use n threads inside the `with` block; results do not depend on n. Default: every core, or EXPFAM_THREADS."""
    if n < 1:
        raise SolverError(f"threads({n}): at least 1 thread is needed")
    token = _chosen.set(n)
    try:
        yield
    finally:
        _chosen.reset(token)


def thread_count() -> int:
    """How many threads a fold may use now."""
    asked = _chosen.get() or int(os.environ.get("EXPFAM_THREADS", "0"))
    if asked:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(part: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """[part(items[0]), part(items[1]), ...], shared by the threads, one BLAS thread each."""
    return [part(items[0])] if len(items) == 1 and _alone.get() else list(_each(part, items))


def ordered_sum(part: Callable[[S], T], items: Sequence[S]) -> T:
    """part(items[0]) + part(items[1]) + ..., in this order whatever the number of threads."""
    if len(items) == 1 and _alone.get():
        return part(items[0])
    return reduce(add, _each(part, items))


def slices(n: int, step: int = 1 << 16) -> list[slice]:
    """The rows 0 to n, so many at a time; at least one slice."""
    return [slice(lo, min(lo + step, n)) for lo in range(0, max(n, 1), step)]


def in_pieces(part: Callable[[slice], object], like: AnyArray) -> None:
    """part(rows) for all rows of an array like this one: of a million numbers, for threads to share, so many at a time
    that what part makes of them stays in a cache."""
    n = len(like)
    if like.size < MANY or thread_count() < 2:
        part(slice(0, n))
    else:
        ordered_map(part, slices(n, max(PIECE * n // like.size, 1)))


def ahead(make: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """make(item) for every item, in order: while one is used, a helper makes the next, with what this thread has set.

    What make hands out must not be written over before the one after it has been asked for.
    """
    if thread_count() < 2:
        yield from map(make, items)
        return
    waiting = deque[Callable[[], T]]()
    for item in items:
        waiting.append(meanwhile(partial(_by_itself, make, item)))
        if len(waiting) > 1:
            yield waiting.popleft()()
    yield from (last() for last in waiting)


def meanwhile(make: Callable[[], T], numbers: int = MANY) -> Callable[[], T]:
    """make(), which reads so many numbers, begun by a helper where one is free and they are worth it: what is returned
    answers with the result, and works it out itself where none has begun, for it may be a helper that asks."""
    if numbers < MANY or thread_count() < 2:
        return cache(make)
    coming = _pool(thread_count() - 1).submit(copy_context().run, make)
    return cache(lambda: make() if coming.cancel() else coming.result())


def _by_itself(make: Callable[[S], T], item: S) -> T:
    with threads(1):
        return make(item)


def extent(values: FloatArray) -> tuple[float, float]:
    """The least and the largest number, NaN where one is; shared by the threads where there are many, a part each."""
    parts = slices(len(values), -(-len(values) // (thread_count() if values.size >= MANY else 1)))
    low, high = zip(*ordered_map(lambda at: (values[at].min(), values[at].max()), parts), strict=True)
    return float(np.min(low)), float(np.max(high))


def picked(values: AnyArray, rows: slice | AnyArray, space: str | None = None) -> AnyArray:
    """values[rows], in their memory order: a view for a slice; for row numbers in the thread's own `space` until it is
    asked for again, where that can hold it."""
    order = values.flags
    if isinstance(rows, slice) or rows.dtype == bool or not order.forc:
        return values[rows]
    shape = len(rows), *values.shape[1:]
    shape = shape if order.c_contiguous else shape[::-1]
    found = room(space, *shape) if values.dtype == np.float64 else np.empty(shape, values.dtype)
    if not order.c_contiguous:
        values.T.take(rows, axis=-1, out=found, mode="clip")  # the mode skips a copy
        return found.T
    in_pieces(lambda at: values.take(rows[at], axis=0, out=found[at], mode="clip"), found)
    return found


def multiplied(by: FloatArray, values: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """by * values, the shape of values (n, ...), by (n, ...); in `out` if there is one."""
    found = np.empty(values.shape) if out is None else out
    in_pieces(lambda at: np.multiply(by[at], values[at], out=found[at]), found)
    return found


def _each(part: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    workers = min(thread_count(), len(items))
    with one_blas_thread():
        yield from map(part, items) if workers < 2 else _shared(part, items, workers)


def _shared(part: Callable[[S], T], items: Sequence[S], workers: int) -> list[T]:
    """The parts of all items, or the error of the first that fails, after which none is begun.

    This thread works, too: woken for every part, it would take a core from those that do. What it has set, threads(n)
    or np.errstate, holds for its helpers.
    """
    parts: dict[int, T] = {}
    failed: dict[int, Exception] = {}
    numbers = iter(range(len(items)))

    def work() -> None:
        _shares.set(True)
        i = len(items)
        try:
            for i in numbers:  # no two threads get the same
                parts[i] = part(items[i])
        except Exception as error:
            failed[i] = error
        finally:
            deque(numbers, maxlen=0)

    helpers = [_pool(workers - 1).submit(copy_context().run, work) for _ in range(workers - 1)]
    try:
        copy_context().run(work)
    finally:
        began = wait([helper for helper in helpers if not helper.cancel()]).done
    for helper in began:
        helper.result()  # an exit, which is no Exception
    if failed:
        raise failed[min(failed)]
    return [parts[i] for i in range(len(items))]


_alone: ContextVar[bool] = ContextVar("expfam_one_blas_thread", default=False)
_shares: ContextVar[bool] = ContextVar("expfam_shares", default=False)
SPACE = 1 << 23  # numbers that a thread may keep space for
PAGE = 1 << 12  # blocks of about one length share their ones
LINE = 8  # numbers in a line of the cache
LARGE = 512  # rows of a matrix whose factorisation is worth more than one thread


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread inside the `with` block: threads of its own would wait in our way, each library's for itself.

    Inside another one it costs nothing.
    """
    if _alone.get():
        yield
        return
    token = _alone.set(True)
    try:
        with _blas(1):
            yield
    finally:
        _alone.reset(token)


@contextmanager
def blas_threads(rows: int) -> Iterator[None]:
    """BLAS on all threads for the factorisation of a matrix of so many rows, where that pays and no others are busy."""
    if rows < LARGE or not _alone.get() or _shares.get():
        yield
        return
    with _blas(thread_count()):
        yield


@contextmanager
def _blas(limit: int) -> Iterator[None]:
    """Every BLAS on so many threads inside the `with` block; `ThreadpoolController.limit` takes three times as long.

    The number is that of the whole process: of threads inside at once the last to leave restores what the first found.
    """
    with _turn:
        before = _counts()
        _found.append(before)
        _set([limit] * len(before))
    try:
        yield
    finally:
        with _turn:
            first, _ = _found[0], _found.pop()
            _set(list(map(min, before, _counts())) if _found else first)


_turn = Lock()
_found: list[list[int]] = []


def _counts() -> list[int]:
    return [library.get_num_threads() for library in _libraries()]


def _set(counts: list[int]) -> None:
    for library, count in zip(_libraries(), counts, strict=True):
        _setter(library)(count)


def _setter(library: LibController) -> Callable[[int], None]:
    """From 3.8 on threadpoolctl hears one thread alone, the first that asks; ours take turns, and give back."""
    found: Callable[[int], None] = getattr(library, "_real_set_num_threads", library.set_num_threads)
    return found


_kept = local()


def scratch(name: str, *shape: int) -> FloatArray:
    """An array of float64 to work in, its numbers arbitrary: this thread's own, and so until it asks for `name` again.

    A new array for every block would make threads queue for pages that the system takes back and hands out again.
    """
    size = prod(shape)
    held: FloatArray | None = getattr(_kept, name, None)
    if held is None or len(held) < size:
        held = aligned(size)
        setattr(_kept, name, held)
    return held[:size].reshape(shape)


def aligned(*shape: int) -> FloatArray:
    """An array that begins with a line of the cache: four numbers at a time that lie in two lines take a kernel a tenth
    longer."""
    found = np.empty(prod(shape) + LINE)
    first = -(found.__array_interface__["data"][0] // found.itemsize) % LINE
    return found[first : len(found) - LINE + first].reshape(shape)


def own(name: str, key: Hashable, make: Callable[[], T]) -> T:
    """What this thread made when it last asked for `name`, unless that was with another key."""
    held: tuple[Hashable, T] | None = getattr(_kept, name, None)
    if held is None or held[0] != key:
        held = key, make()
        setattr(_kept, name, held)
    return held[1]


def room(space: str | None, *shape: int) -> FloatArray:
    """An array to be filled: the thread's own `space`, if one is named and it is not too much to keep, or a new one."""
    return np.empty(shape) if space is None or prod(shape) > SPACE else scratch(space, *shape)


def ones(n: int) -> FloatArray:
    """n ones, which all threads share and none changes: for kernels that want numbers side by side."""
    return _ones(-(-n // PAGE) * PAGE)[:n]


def repeated(value: float | FloatArray, n: int) -> FloatArray:
    """One number a row, (n,): `value` itself where it is that, else n times the same, stored once and not to be written
    to. `np.broadcast_to` of a number takes ten times as long."""
    if isinstance(value, np.ndarray):
        return value if value.shape == (n,) else np.broadcast_to(value, n)
    return np.ndarray((n,), np.float64, np.float64(value).tobytes(), 0, (0,))


def is_ones(w: FloatArray) -> bool:
    """Is w (n,) the number 1, n times over? True only where it says so itself, being broadcast (`model.prepare`)."""
    return len(w) > 1 and w.strides == (0,) and bool(w[0] == 1)


def weighed(w: FloatArray, x: FloatArray) -> FloatArray:
    """sum_i w_i x_i, () or (...) for x (n, ...); where all w are 1 it does not read them."""
    return np.asarray(x.sum(axis=0) if is_ones(w) else w @ x)


def weight_of(w: FloatArray) -> float:
    """sum_i w_i."""
    return float(len(w) if is_ones(w) else w.sum())


@lru_cache(maxsize=4)
def _ones(n: int) -> FloatArray:
    array = np.ones(n)
    array.setflags(write=False)
    return array


@cache
def _libraries() -> list[LibController]:
    """The BLAS libraries that are loaded; to find them takes milliseconds, and they do not change."""
    import scipy.linalg  # noqa: F401  SciPy brings a BLAS of its own: it must be loaded to be found

    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="expfam")


if hasattr(os, "register_at_fork"):  # a child has the pools without their threads, and a lock as it was at that moment
    os.register_at_fork(after_in_child=_pool.cache_clear)
    os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)
