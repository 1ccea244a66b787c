"""A stream as versioned JSON, to stop on Monday and to go on on Tuesday: arrays are written bit for bit."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, fields
from os import PathLike
from typing import Any

import numpy as np

from expfam import __version__
from expfam._typing import AnyArray
from expfam.families import ExponentialFamily
from expfam.formula.schema import Request
from expfam.kernels.pace import State
from expfam.modelfile import check, model_from_dict, model_to_dict, read, undamaged, write
from expfam.solvers import SGD
from expfam.solvers.implicit import Memory
from expfam.solvers.learning import Point
from expfam.solvers.trail import How, Trail
from expfam.stream import Ask, Stream
from expfam.stream.growth import schema_of
from expfam.stream.rows import Rows
from expfam.stream.walking import Walked

FORMAT = "expfam-stream"
VERSION = 1
KINDS = ("f8", "u1", "i1", "i2", "i4", "i8")  # of arrays


def to_dict(stream: Stream) -> dict[str, Any]:
    """All that was learned, and the rows that wait, as JSON types."""
    ask = stream.ask
    return {
        "format": FORMAT,
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
        "waiting": None if stream.waiting is None else {**_written(stream.waiting), "values": _arrays(stream.waiting)},
        "gathered": stream.gathered,
        "points": [_written(point) for point in stream.points],
        "kind": stream.kind,
        "given": stream.given,
        "left_out": stream.left_out,
        "lacking": dict(stream.lacking),
    }


def from_dict(plain: Mapping[str, Any], family: ExponentialFamily | None = None) -> Stream:
    """The inverse of `to_dict`; ModelFileError where something is absent or out of shape."""
    check(plain, "the state", "stream", FORMAT, VERSION)
    return undamaged(lambda: _stream(plain, family), "the state")


def save(stream: Stream, path: str | PathLike[str]) -> None:
    """Write a stream; the file appears whole or not at all."""
    write(to_dict(stream), path)


def load(path: str | PathLike[str], family: ExponentialFamily | None = None) -> Stream:
    """Read a stream that `save` wrote."""
    plain = read(path, "stream")
    check(plain, str(path), "stream", FORMAT, VERSION)
    return undamaged(lambda: _stream(plain, family), str(path))


def _stream(plain: Mapping[str, Any], family: ExponentialFamily | None) -> Stream:
    solver = plain.get("solver")
    options = {**plain["options"], "solver": None if solver is None else SGD(**solver)}
    ask = Ask(Request(**plain["request"]), model_from_dict(plain["asked"], family), **options)
    known, model = (model_from_dict(plain[name], family) for name in ("known", "model"))
    for schema in filter(None, map(schema_of, (known, model))):
        if schema.request != ask.request:
            raise ValueError(f"levels learned for {schema.request}, beside {ask.request}")
    memory = _read_walked(plain["memory"]) if "trail" in (plain["memory"] or {}) else _read(Memory, plain["memory"])
    null = _read(Memory, plain["null"])
    waiting = plain["waiting"]
    if waiting is not None:
        values = {name: _array(array) for name, array in waiting["values"].items()}
        waiting = _read(Rows, {**waiting, "values": values})
    points = tuple(_read(Point, {**point, "names": tuple(point["names"])}) for point in plain["points"])
    if memory is not None and (
        len(memory.theta) != len(model.names)
        or (isinstance(memory, Memory) and memory.information.shape != (memory.theta.size,) * 2)
    ):
        raise ValueError(f"{len(model.names)} names, coefficients of shape {memory.theta.shape}")
    centre = _array(plain["centre"]) if plain.get("centre") else None if memory is None else np.zeros(len(model.names))
    counts = plain["kind"], plain["given"], plain["left_out"], plain["lacking"]
    return Stream(ask, known, model, memory, null, centre, waiting, plain.get("gathered", 0), points, *counts)


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
    state = State(**{name: _array(array) for name, array in given["state"].items()})
    trail = Trail(state, _array(given["clock"]), given["progressive"], given["outside"])
    return Walked(trail, How(**plain["how"]), _array(plain["theta"]), _array(plain["met"]) > 0)


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


def _read(kind: Any, plain: Any) -> Any:
    """A dataclass from its fields."""
    if plain is None:
        return None
    return kind(**{name: _array(v) if isinstance(v, Mapping) and "data" in v else v for name, v in plain.items()})
