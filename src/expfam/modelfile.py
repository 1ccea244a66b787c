"""A fit as versioned JSON: no pickle, no rows. Floats are written so that they come back bit for bit."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from expfam import __version__, families, links, penalties
from expfam._typing import BoolArray, FloatArray
from expfam.data.answer import KINDS
from expfam.data.column import valued
from expfam.declared import declared, finite
from expfam.diagnostics.certificate import Certificate
from expfam.errors import ExpfamError, FamilyError, ModelFileError, one_of
from expfam.families import ExponentialFamily, Family
from expfam.fit import Fit
from expfam.inference import estimable
from expfam.inference.reduction import NAMES
from expfam.inference.separation import SHOWN, Separation
from expfam.inference.statistics import Statistics
from expfam.information import Covariance
from expfam.information.original import from_json
from expfam.links import Link
from expfam.matrix import MatrixTerms
from expfam.model import Model, choice
from expfam.nuisance import named
from expfam.nuisance.dispersion import KINDS as DISPERSIONS
from expfam.nuisance.number import Nuisance
from expfam.outputs import located, whole
from expfam.solvers import Status
from expfam.solvers.learning import Learning
from expfam.source import Terms

FORMAT, STREAM = "expfam-fit", "expfam-stream"
VERSION = 2  # 1 had covariances written out
T = TypeVar("T")
READERS = {
    FORMAT: "a fitted model, which expfam.load(path) reads",
    STREAM: "the state of a stream, which OnlineGLM.from_state(path) reads; its .fit is a model",
}
"""What files of each format hold."""


def save(fit: Fit, path: str | PathLike[str]) -> None:
    """Write a fit; the file appears whole or not at all."""
    write(to_dict(fit), path, indent=1)


def load(path: str | PathLike[str], *, family: ExponentialFamily | str | None = None) -> Fit:
    """Read a fit that `Fit.save` wrote. A user's own family is functions, which no file holds: give it as `family`."""
    plain = read(path, "model")
    check(plain, str(path), "model", FORMAT, VERSION)
    return made(plain, lambda: from_dict(plain, family), str(path))


def write(plain: Mapping[str, Any], path: str | PathLike[str], indent: int | None = None) -> None:
    """Write JSON; the file appears whole or not at all."""
    text = json.dumps(plain, allow_nan=False, indent=indent, default=_number)
    try:
        whole(located(path), lambda part: part.write_text(text, encoding="utf-8"))
    except ExpfamError as error:
        raise ModelFileError(str(error)) from None


def _number(value: Any) -> Any:
    """Numbers of other kinds, which options may be, as JSON knows them: those of NumPy, decimals, fractions."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else float(value)


def read(path: str | PathLike[str], what: str) -> Any:
    """The JSON of a file."""
    place = located(path)
    try:
        plain = json.loads(place.read_text(encoding="utf-8"))
        finite(plain)
    except FileNotFoundError:
        raise ModelFileError(f"there is no {what} file {path}") from None
    except UnicodeDecodeError:
        raise ModelFileError(f"{path} holds no text, as a {what} file does; is it the data? Then swap them") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged or no {what} file: {error}. Save it again") from None
    return plain


def check(plain: Any, place: str, what: str, form: str, version: int) -> None:
    """ModelFileError where JSON is of another format, or of a later version."""
    found = plain.get("format") if isinstance(plain, Mapping) else None
    if found != form:
        other = READERS.get(found) if isinstance(found, str) else None
        told = f"it is {other}" if other else f'"format" is not {form!r}'
        raise ModelFileError(f"{place} is no expfam {what}: {told}")
    if not isinstance(plain.get("version"), int) or plain["version"] > version:
        raise ModelFileError(
            f"{place} has version {plain.get('version')} of the format, written by expfam {plain.get('expfam')}; "
            f"this is expfam {__version__}, which reads up to version {version}: upgrade expfam"
        )


def undamaged(make: Callable[[], T], place: str) -> T:
    """What is made of JSON; ModelFileError with the place, and the place inside, where it is absent or out of shape."""
    try:
        return make()
    except ModelFileError as error:
        raise ModelFileError(f"{place}: {error}") from None
    except ExpfamError as error:
        raise ModelFileError(f"{place} is damaged: {error}. Save it again") from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelFileError(f"{place} is damaged: {type(error).__name__}: {error}. Save it again") from None


def sealed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a digest of it all, by which `made` sees any later change."""
    return {**plain, "digest": _digest(plain)}


def made(plain: Mapping[str, Any], make: Callable[[], T], place: str) -> T:
    """What is made of JSON; ModelFileError where a field is damaged, by its name, or anything is not as it was written.

    Files of before there were digests are read by their fields alone.
    """
    found = undamaged(make, place)
    if "digest" in plain and plain["digest"] != undamaged(lambda: _digest(plain), place):
        raise ModelFileError(
            f"{place} was edited or damaged after it was written: its digest is not that of what it holds. Save it "
            "again; where the change is meant, take 'digest' out"
        )
    return found


def _digest(plain: Mapping[str, Any]) -> str:
    """SHA-256 of all but the digest, whatever the order of keys, the space between them, and how a number is spelled.

    1.0, 1 and 1e0 are one number, and so are 0 and -0.0: other programs that read and write JSON know no difference.
    """
    rest = {key: value for key, value in plain.items() if key != "digest"}
    same = json.loads(json.dumps(rest, default=_number), parse_float=_spelled)
    return sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()


def _spelled(number: str) -> int | float:
    found = float(number)
    return int(found) if found.is_integer() else found


def to_dict(fit: Fit) -> dict[str, Any]:
    """Everything but the rows, as JSON types."""
    return sealed({
        "format": FORMAT,
        "version": VERSION,
        "expfam": __version__,
        **model_to_dict(fit.model),
        "names": fit.names,
        "theta": fit.estimate.tolist(),
        "kept": fit.kept.tolist(),
        "covariance": None if fit.covariance is None else fit.covariance.to_json(),
        "statistics": _statistics_to_dict(fit.statistics),
        "certificate": _plain({**asdict(fit.certificate), "status": fit.certificate.status.name}),
        "dropped": dict(fit.dropped),
        "dropped_rows": fit.dropped_rows,
        "kind": fit.kind,
        "vcov": fit.vcov_kind,
        "learning": None if fit.learning is None else _learning_to_dict(fit.learning),
        "unknown": None if fit.unknown is None else fit.unknown.to_json(),
        "nuisance": [{**asdict(number), "value": str(number.value), "se": str(number.se)} for number in fit.nuisance],
    })  # fmt: skip


def model_to_dict(model: Model) -> dict[str, Any]:
    """A model as JSON types."""
    return {
        "family": model.family.to_dict(),
        "link": _link_to_dict(model.link),
        "terms": model.terms.to_dict(),
        "penalty": model.penalty.to_dict(),
        "response": model.response,
        "classes": model.classes,
        "weights_kind": model.weights_kind,
        "missing": model.missing,
        "unseen": model.unseen,
        "supplied": model.supplied,
        "bias": model.bias,
        "label_kind": model.label_kind,
    }


def _link_to_dict(link: Link) -> dict[str, Any]:
    """ModelFileError for a link that no file can hold: its name alone would be read as another's, or as none."""
    if type(link) not in links.LINKS.values():
        raise ModelFileError(
            f"the link {link.name!r} is a class of your own, {type(link).__name__}, and a file holds names alone: "
            "keep the fit by pickle, or take one of the links of expfam"
        )
    return link.to_dict()


def model_from_dict(plain: Mapping[str, Any], family: ExponentialFamily | str | None = None) -> Model:
    """The inverse of `model_to_dict`; a user's own family has to be given."""
    known = undamaged(lambda: _family(plain["family"], family), "'family'")
    found = Model(
        known,
        undamaged(lambda: links.from_dict(plain["link"], known), "'link'"),
        undamaged(lambda: _terms(plain["terms"]), "'terms'"),
        undamaged(lambda: penalties.from_dict(plain["penalty"]), "'penalty'"),
        plain["response"],
        None if plain["classes"] is None else _listed("classes", plain["classes"]),
        plain["weights_kind"],
        plain["missing"],
        plain["unseen"],
        _listed("supplied", plain["supplied"]),
        plain.get("bias"),
        plain.get("label_kind"),
    )
    declared(found)
    for name in ("weights_kind", "missing", "unseen"):
        choice(name, getattr(found, name))
    one_of("bias", found.bias, (None, *NAMES.values()))
    undamaged(lambda: valued(found.classes or (), found.label_kind or "text"), "'classes', 'label_kind'")
    return found


def _family(saved: Mapping[str, Any], given: ExponentialFamily | str | None) -> ExponentialFamily:
    """That of the file, which `given` may name as `glm` does; only one of functions has to be given, as an object."""
    if given is None:
        return families.from_dict(saved)
    try:
        asked, estimated = named(given)
    except FamilyError as error:
        raise ModelFileError(f"family={given!r}: {error}") from None
    if saved.get("custom") and not isinstance(asked, Family):
        raise ModelFileError(
            f"the file holds a model of the family {saved['name']!r}, made of Python functions, which no name stands "
            f"for; give family= the expfam.Family of these functions, not {given!r:.60}"
        )
    numbers = {} if estimated else asked.to_dict()
    if asked.name != saved["name"] or any(value not in (None, saved.get(key)) for key, value in numbers.items()):
        held = ", ".join(f"{key} {value}" for key, value in saved.items() if key in numbers and key != "name")
        raise ModelFileError(
            f"the file holds a model of the {saved['name']} family{f' ({held})' if held else ''}, not {given!r:.60}; "
            "leave family= out"
        )
    return asked if isinstance(asked, Family) else families.from_dict(saved)


def from_dict(plain: Mapping[str, Any], family: ExponentialFamily | str | None = None) -> Fit:
    """The inverse of `to_dict`; the fit has no source."""
    model = model_from_dict(plain, family)
    theta, kept = _theta(plain, model)
    covariance = undamaged(lambda: _covariance(plain["covariance"], model.names, theta, kept), "'covariance'")
    fit = Fit(
        model, theta, kept, covariance, undamaged(lambda: _statistics(_numeric(plain["statistics"])), "'statistics'"),
        undamaged(lambda: _certificate(plain["certificate"]), "'certificate'"), plain["dropped"],
        plain["dropped_rows"], plain["kind"], None, plain.get("vcov", "model"),
        undamaged(lambda: tuple(_nuisance(number) for number in plain.get("nuisance", ())), "'nuisance'"),
        None if plain.get("learning") is None else undamaged(
            lambda: _learning(plain["learning"], theta.size), "'learning'"
        ),
        None if plain.get("unknown") is None else undamaged(
            lambda: estimable.from_json(plain["unknown"], model.names), "'unknown'"
        ),
    )  # fmt: skip
    one_of("kind", fit.kind, tuple(KINDS))
    return declared(fit)


def _theta(plain: Mapping[str, Any], model: Model) -> tuple[FloatArray, BoolArray]:
    """The coefficients and which were kept: one for each name, of each class but the last, all numbers."""
    theta = undamaged(lambda: np.array(plain["theta"], dtype=float), "'theta'")
    kept = np.array(_listed("kept", plain["kept"], bool), dtype=bool)
    names, classes = model.names, len(model.modelled)
    if theta.shape != (len(names), classes)[: 2 if model.family.vector else 1] or kept.shape != theta.shape[:1]:
        raise ModelFileError(
            f"'terms' of {len(names)} names, 'classes' of {classes} to model; 'theta' is {theta.shape}, 'kept' "
            f"{kept.shape}"
        )
    if not np.isfinite(theta).all():
        raise ModelFileError("'theta' is damaged: null among the coefficients")
    if plain.get("names", [*names]) != [*names]:
        raise ModelFileError("'names' are not those of the coefficients of 'terms'")
    model.penalty.bind(names)
    return theta, kept


def _listed(place: str, plain: Any, kind: type = str) -> tuple[Any, ...]:
    """A list of values of one kind; of text, a text itself is none."""
    if not (isinstance(plain, list | tuple) and all(type(value) is kind for value in plain)):
        raise ValueError(f"{place}: {plain!r:.40}, where a list of {kind.__name__} belongs")
    return tuple(plain)


def _covariance(plain: Any, names: tuple[str, ...], theta: FloatArray, kept: BoolArray) -> Covariance | None:
    found = None if plain is None else from_json(plain, names, kept)
    if found is not None and found.size != theta.size:
        raise ValueError(f"of {found.size} coefficients, where there are {theta.size}")
    return found


def _learning_to_dict(found: Learning) -> dict[str, Any]:
    """The points of a learning curve, coefficients point by point; a few times as many numbers as the summary has."""
    tables = {name: [[_finite(v) for v in row] for row in getattr(found, name).tolist()] for name in ("theta", "se")}
    return {
        **{name: getattr(found, name).tolist() for name in ("rows", "weight", "loss")},
        **tables,
        "fades": found.fades,
    }


def _learning(plain: Mapping[str, Any], size: int) -> Learning:
    m = len(plain["rows"])
    rows, weight, loss = (
        np.array(plain["rows"], np.int64),
        *(np.array(plain[name], float) for name in ("weight", "loss")),
    )
    theta, se = (
        np.array(plain[name], dtype=float).reshape(m, len(plain[name][0]) if m else 0) for name in ("theta", "se")
    )
    if theta.shape[1] not in (0, size) or theta.shape != se.shape or len(weight) != m or len(loss) != m:
        raise ValueError(f"a learning curve of {m} points over {theta.shape[1]} coefficients, of {size} there are")
    return Learning(rows, weight, loss, theta, se, plain["fades"])


def _certificate(plain: Mapping[str, Any]) -> Certificate:
    """The evidence; files written before signs were known have the names of separated coefficients alone."""
    named, found = _listed("separated", plain.get("separated", ())), plain.get("separation")
    separation = Separation(named, (0,) * len(named), exact=False) if named else None
    if found is not None:
        separation = Separation(**{**found, "names": _listed("names", found["names"]), "signs": _signs(found)})
    given = _numeric({key: value for key, value in plain.items() if not key.startswith("separat")})
    status, aliased = Status[given["status"]], _listed("aliased", given["aliased"])
    return Certificate(**{**given, "aliased": aliased, "separation": separation, "status": status})


def _signs(found: Mapping[str, Any]) -> tuple[int, ...]:
    signs = _listed("signs", found["signs"], int)
    if len(signs) != len(found["names"]) or not {*signs} <= {*SHOWN}:
        raise ValueError(f"signs: {signs} of {len(found['names'])} names")
    return signs


def _statistics_to_dict(sums: Statistics) -> dict[str, Any]:
    """The sums by name, the likelihood as `loglik`."""
    return _plain({"loglik" if name == "likelihood" else name: value for name, value in asdict(sums.settled).items()})


def _statistics(plain: dict[str, Any]) -> Statistics:
    """The sums; files written before there was a choice of dispersion have the family's own or Pearson's."""
    older = {"dispersion_kind": "fixed" if plain["dispersion_fixed"] else "pearson", "nuisances": 0}
    known = {"likelihood" if name == "loglik" else name: value for name, value in plain.items()}
    found = Statistics(**{**older, **known})
    one_of("dispersion_kind", found.dispersion_kind, ("fixed", "given", "adjusted", *DISPERSIONS))
    return found


def _nuisance(plain: Mapping[str, Any]) -> Nuisance:
    """A number that may be infinite is written as text."""
    return Nuisance(**{**plain, "value": float(plain["value"]), "se": float(plain["se"])})


def _terms(plain: Mapping[str, Any]) -> Terms:
    if "matrix" in plain:
        return MatrixTerms(_listed("matrix", plain["matrix"]), plain["intercept"], plain.get("named", False))
    from expfam.terms import FormulaTerms  # reads tables

    return FormulaTerms.from_dict(plain)


def _numeric(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_plain`: None is NaN."""
    return {key: np.nan if value is None else value for key, value in values.items()}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """NaN and infinity as None; NumPy scalars as Python's."""
    out = {}
    for key, value in values.items():
        out[key] = _finite(value) if isinstance(value, float | np.floating) else value
    return out


def _finite(value: float | np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
