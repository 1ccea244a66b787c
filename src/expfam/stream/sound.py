"""Can a stream that was read from a file go on? Every field against what a stream of its model has there."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from expfam.errors import one_of
from expfam.formula.grow import free, with_levels
from expfam.solvers.implicit import Memory, blank
from expfam.solvers.trail import start
from expfam.stream.growth import schema_of
from expfam.stream.rows import Rows
from expfam.stream.stream import Stream
from expfam.stream.walking import Walked

OPTIONAL = ("meat", "pull", "share")


def check_sound(stream: Stream) -> None:
    """ValueError with the name of the first field that no stream of this model has: a type, a shape, a NaN."""
    for name in ("given", "left_out", "gathered"):
        _like(name, getattr(stream, name), 0)
    _like("options.compiled", stream.ask.compiled, 0)
    _like("lacking", stream.lacking, {})
    for name, count in stream.lacking.items():
        _like(f"lacking.{name}", count, 0)
    _like("kind", stream.kind, "")
    for name, model in (("asked", stream.ask.model), ("known", stream.known), ("model", stream.model)):
        one_of(f"{name}.weights_kind", model.weights_kind, ("precision", "frequency"))
        one_of(f"{name}.missing", model.missing, ("drop", "error"))
    _levels(stream)
    shape = stream.shape
    if (stream.memory is None) != (stream.null is None) or (stream.memory and schema_of(stream.model) is None):
        raise ValueError("memory, null, model: some are there without the others")
    if stream.memory is not None and stream.null is not None:
        _like("centre", stream.centre, np.zeros(shape[0]))
        _origins(stream)
        _remembered("null", stream.null, (1, *shape[1:]))
        if isinstance(stream.memory, Walked):
            _walked(stream, stream.memory)
        else:
            _remembered("memory", stream.memory, shape)
            if stream.ask.vcov == "HC0":
                _like("memory.meat", stream.memory.meat, stream.memory.information)
    for point in stream.points:
        for part, wanted in (("rows", 0), ("weight", 0.0), ("loss", 0.0)):
            _like(f"points.{part}", getattr(point, part), wanted)
        if not set(point.names) <= set(stream.model.flat_names):
            raise ValueError(f"points.names: {point.names}, which are not all coefficients of the model")
    if stream.waiting is not None:
        _waiting(stream, stream.waiting)
    if stream.gathered > (0 if stream.waiting is None else stream.waiting.n):
        raise ValueError(f"gathered: {stream.gathered}, more than wait")


def _levels(stream: Stream) -> None:
    """The model knows the first of all levels met, and differs in nothing else."""
    known, model = schema_of(stream.known), schema_of(stream.model)
    if known is None or model is None:
        return
    for text in filter(model.variables.__contains__, free(known)):
        every = known.variables[text]
        known = with_levels(known, text, every.levels[: len(model.variables[text].levels)], every.reference)
    for part in fields(model):
        if getattr(known, part.name) != getattr(model, part.name):
            raise ValueError(f"{part.name} of the terms of known and of model differ in more than later levels")


def _origins(stream: Stream) -> None:
    """Of numbers of every term, one for each of their columns, that other terms take up."""
    schema = schema_of(stream.model)
    assert schema is not None
    if stream.origins and len(stream.origins) != len(schema.terms):
        raise ValueError(f"origins: of {len(stream.origins)} terms, where there are {len(schema.terms)}")
    for term, origin in zip(schema.terms, stream.origins, strict=False):
        for name, numbers in origin.items():
            if name not in term.variables or schema.variables[name].levels:
                raise ValueError(f"origins: {name!r} is no number of the term {':'.join(term.variables)}")
            _like(f"origins.{name}", np.array(numbers), np.zeros(schema.variables[name].width or 1))
    _ = stream.back


def _remembered(place: str, found: Memory, shape: tuple[int, ...]) -> None:
    size, p = int(np.prod(shape)), shape[0]
    _fields(place, found, replace(blank(np.zeros(shape)), pull=np.zeros(size), share=np.zeros(p)))


def _walked(stream: Stream, found: Walked) -> None:
    if stream.ask.walks is None:
        raise ValueError("memory: steps of first order, which solver= does not ask for")
    wanted = start(np.zeros(stream.shape), found.how, stream.model.penalty.bind(stream.model.names))
    for name, array in found.trail.state._asdict().items():
        _like(f"memory.trail.state.{name}", array, getattr(wanted.state, name))
    _like("memory.trail.clock", found.trail.clock, wanted.clock)
    _like("memory.trail.progressive", found.trail.progressive, 0.0)
    _like("memory.trail.outside", found.trail.outside, 0)
    _like("memory.theta", found.theta, wanted.theta)
    _like("memory.met", found.met.astype(float), np.zeros(len(wanted.theta)))


def _waiting(stream: Stream, found: Rows) -> None:
    """Rows of one length, codes of levels that are known."""
    schema, one = schema_of(stream.known), np.zeros(len(found.y))
    if schema is None or set(found.values) != set(schema.variables):
        raise ValueError(
            f"waiting.values: {sorted(found.values)}, where {sorted(schema.variables) if schema else []} belong"
        )
    _fields("waiting", replace(found, values={}), Rows({}, one, one, one, None if found.frequency is None else one))
    for name, array in found.values.items():
        if array.shape[:1] != one.shape or not np.isfinite(array).all():
            raise ValueError(f"waiting.values.{name}: {_said(array)} for {len(one)} rows")
        levels = schema.variables[name].levels
        if levels and (array.dtype.kind not in "iu" or array.min(initial=0) < 0 or array.max(initial=0) >= len(levels)):
            raise ValueError(f"waiting.values.{name}: codes of other than its {len(levels)} levels")


def _fields(place: str, found: Any, wanted: Any) -> None:
    for part in fields(wanted):
        value = getattr(found, part.name)
        if not (value is None and part.name in OPTIONAL):
            _like(f"{place}.{part.name}", value, getattr(wanted, part.name))


def _like(name: str, found: Any, wanted: Any) -> None:
    """ValueError unless a value is what is wanted there: an array of that shape, a number, a count from 0 on, text."""
    if isinstance(wanted, np.ndarray):
        alike = isinstance(found, np.ndarray) and found.dtype.kind == "f" and found.shape == wanted.shape
        sound = alike and bool(np.isfinite(found).all())
    elif isinstance(wanted, int | float):
        number = isinstance(found, int | float) and not isinstance(found, bool)
        sound = number and bool(np.isfinite(found)) and (isinstance(wanted, float) or found >= 0)
    else:
        sound = isinstance(found, type(wanted))
    if not sound:
        raise ValueError(f"{name}: {_said(found)}, where {_said(wanted)} belongs")


def _said(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}{'' if np.isfinite(value).all() else ' with NaN or infinity'}"
    return f"{type(value).__name__} {value!r:.40}"
