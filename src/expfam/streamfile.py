"""A stream as versioned JSON, to stop on Monday and to go on on Tuesday: arrays are written bit for bit."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import partial
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from expfam import __version__
from expfam._typing import AnyArray
from expfam.families import ExponentialFamily
from expfam.formula.learn import syntax
from expfam.formula.origins import Origins
from expfam.formula.schema import Request
from expfam.kernels.pace import State
from expfam.modelfile import STREAM, check, made, model_from_dict, model_to_dict, read, sealed, undamaged, write
from expfam.solvers import SGD
from expfam.solvers.implicit import Memory
from expfam.solvers.learning import Point
from expfam.solvers.trail import How, Trail, dated
from expfam.stream import Ask, Stream
from expfam.stream.growth import schema_of
from expfam.stream.rows import Rows
from expfam.stream.sound import check_sound
from expfam.stream.walking import Walked

VERSION = 2
MODELS = ("asked", "known", "model")
ROWS = ("terms", "classes", "response", "label_kind")  # of a model, what the first rows tell
KINDS = ("f8", "u1", "i1", "i2", "i4", "i8")  # of arrays
T = TypeVar("T")


def to_dict(stream: Stream) -> dict[str, Any]:
    """All that was learned, and the rows that wait, as JSON types."""
    ask = stream.ask
    return sealed({
        "format": STREAM,
        "version": VERSION,
        "expfam": __version__,
        "request": asdict(ask.request),
        "asked": model_to_dict(ask.model),
        "options": {"vcov": ask.vcov, "prior": ask.prior, "half_life": ask.half_life, "compiled": ask.compiled},
        "solver": None if ask.solver is None else asdict(ask.solver),
        "known": model_to_dict(stream.known),
        "model": model_to_dict(stream.model),
        "memory": _walked(stream.memory) if isinstance(stream.memory, Walked) else _written(stream.memory),
        "null": _written(stream.null),
        "centre": None if stream.centre is None else _plain(stream.centre),
        "origins": [{name: list(origin) for name, origin in term.items()} for term in stream.origins],
        "waiting": None if stream.waiting is None else {**_written(stream.waiting), "values": _arrays(stream.waiting)},
        "gathered": stream.gathered,
        "points": [_written(point) for point in stream.points],
        "kind": stream.kind,
        "given": stream.given,
        "left_out": stream.left_out,
        "lacking": dict(stream.lacking),
    })  # fmt: skip


def from_dict(plain: Mapping[str, Any], family: ExponentialFamily | str | None = None) -> Stream:
    """The inverse of `to_dict`; ModelFileError where something is absent or out of shape."""
    check(plain, "the state", "stream", STREAM, VERSION)
    return made(plain, lambda: _stream(plain, family), "the state")


def save(stream: Stream, path: str | PathLike[str]) -> None:
    """Write a stream; the file appears whole or not at all."""
    write(to_dict(stream), path)


def load(path: str | PathLike[str], family: ExponentialFamily | str | None = None) -> Stream:
    """Read a stream that `save` wrote."""
    plain = read(path, "stream")
    check(plain, str(path), "stream", STREAM, VERSION)
    return made(plain, lambda: _stream(plain, family), str(path))


def _stream(plain: Mapping[str, Any], family: ExponentialFamily | str | None) -> Stream:
    options: Any = plain.get("solver")
    solver = None if options is None else _part("solver", lambda: SGD(**options))
    request = _part("request", lambda: _request(plain["request"]))
    asked, known, model = (_part(name, partial(model_from_dict, plain[name], family)) for name in MODELS)
    _check_alike(plain)
    ask = _part("options", lambda: Ask(request, asked, **plain["options"], solver=solver))
    for schema in filter(None, map(schema_of, (known, model))):
        if schema.request != ask.request:
            raise ValueError(f"levels learned for {schema.request}, beside {ask.request}")
    memory = _part("memory", lambda: _remembered(plain["memory"]))
    null = _part("null", lambda: _memory(plain["null"]))
    waiting = _part("waiting", lambda: _rows(plain["waiting"]))
    points = _part("points", lambda: tuple(map(_point, plain["points"])))
    centre = None if memory is None else np.zeros(len(model.names))
    centre = _part("centre", lambda: _array(plain["centre"])) if plain.get("centre") else centre
    counts = plain["kind"], plain["given"], plain["left_out"], plain["lacking"]
    origins = _part("origins", lambda: _origins(plain))
    found = Stream(ask, known, model, memory, null, centre, waiting, plain.get("gathered", 0), points, *counts, origins)
    check_sound(found)
    return found


def _part(name: str, make: Callable[[], T]) -> T:
    """What is made of a field; ModelFileError with its name."""
    return undamaged(make, repr(name))


def _request(plain: Mapping[str, Any]) -> Request:
    """What was asked for, in words that can be read whatever columns come."""
    for name in plain.keys() - {"hash_bits"}:
        if not isinstance(plain[name], str if name == "formula" else str | None):
            raise ValueError(f"{name}: {plain[name]!r} is no text")
    found = Request(**plain)
    syntax(found)
    return found


def _check_alike(plain: Mapping[str, Any]) -> None:
    """ValueError where the models of a stream differ in what rows do not change: that asked for, that of all rows and
    that of those learned from."""
    come, learned = ("schema" in plain[name]["terms"] for name in ("known", "model"))
    _alike(plain, "asked", "known", ROWS if come else ())
    _alike(plain, *(("known", "model", ("terms",)) if learned else ("asked", "model", ())))


def _alike(plain: Mapping[str, Any], first: str, second: str, free: tuple[str, ...]) -> None:
    one, other = ({**model, "family": {**model["family"], "k": None}} for model in (plain[first], plain[second]))
    for part in sorted((one.keys() | other.keys()) - {*free}):
        if one.get(part) != other.get(part):
            raise ValueError(f"{first}.{part} is {one.get(part)!r:.60}, {second}.{part} {other.get(part)!r:.60}")


def _origins(plain: Mapping[str, Any]) -> Origins:
    """Those of the numbers of every term; states of version 1 have none."""
    given = [] if plain["version"] == 1 else plain["origins"]
    return tuple({name: tuple(map(float, origin)) for name, origin in term.items()} for term in given)


def _remembered(plain: Any) -> Memory | Walked | None:
    return _read_walked(plain) if "trail" in (plain or {}) else _memory(plain)


def _memory(plain: Any) -> Memory | None:
    found: Memory | None = _read(Memory, plain)
    return found


def _rows(plain: Any) -> Rows | None:
    if plain is None:
        return None
    found: Rows = _read(
        Rows, {**plain, "values": {name: _named(name, array) for name, array in plain["values"].items()}}
    )
    return found


def _point(plain: Mapping[str, Any]) -> Point:
    found: Point = _read(Point, {**plain, "names": tuple(plain["names"])})
    size = len(found.names) or found.theta.size
    if found.theta.size not in (0, size) or found.se.shape != found.theta.shape:
        raise ValueError(f"{len(found.names)} names, coefficients {found.theta.shape}, errors {found.se.shape}")
    return found


def _walked(memory: Walked) -> dict[str, Any]:
    trail = memory.trail
    return {
        "trail": {
            "state": {name: _plain(array) for name, array in trail.state._asdict().items()},
            "clock": _plain(trail.clock), "progressive": trail.progressive, "outside": trail.outside,
        },
        "how": asdict(memory.how), "theta": _plain(memory.theta), "met": _plain(memory.met.astype(np.int8)),
    }  # fmt: skip


def _read_walked(plain: Mapping[str, Any]) -> Walked:
    given = plain["trail"]
    state = State(**{name: _named(name, array) for name, array in given["state"].items()})
    trail = Trail(state, _named("clock", given["clock"]), given["progressive"], given["outside"])
    trail = trail if "since" in given["state"] else dated(trail)
    return Walked(trail, How(**plain["how"]), _named("theta", plain["theta"]), _named("met", plain["met"]) > 0)


def _written(item: Any) -> Any:
    """The fields of a dataclass, arrays as text."""
    if item is None:
        return None
    return {part.name: _plain(getattr(item, part.name)) for part in fields(item) if part.name != "values"}


def _arrays(rows: Rows) -> dict[str, Any]:
    return {name: _plain(array) for name, array in rows.values.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return float(value) if isinstance(value, np.floating) else value
    kind = value.dtype.str.lstrip("<>|=")
    data = np.ascontiguousarray(value).astype(f"<{kind}", copy=False)
    return {"kind": kind, "shape": list(value.shape), "data": b64encode(data.tobytes()).decode("ascii")}


def _array(plain: Mapping[str, Any]) -> AnyArray:
    if plain["kind"] not in KINDS:
        raise ValueError(f"an array of kind {plain['kind']!r}")
    flat = np.frombuffer(b64decode(plain["data"], validate=True), dtype=f"<{plain['kind']}")
    return flat.reshape(plain["shape"]).copy()


def _named(name: str, plain: Any) -> AnyArray:
    """An array; ModelFileError with its name."""
    return _part(name, lambda: _array(plain))


def _read(kind: Any, plain: Any) -> Any:
    """A dataclass from its fields, of which those may lack that older files have not, None by default."""
    if plain is None:
        return None
    absent = [part.name for part in fields(kind) if part.default is not None and part.name not in plain]
    if absent:
        raise ValueError(f"no {absent[0]!r}")
    return kind(**{name: _named(name, v) if isinstance(v, Mapping) and "data" in v else v for name, v in plain.items()})
