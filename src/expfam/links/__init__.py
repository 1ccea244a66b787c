"""mu = h(eta): one link a file, listed in LINKS."""

import re
from collections.abc import Mapping
from typing import Any

from expfam.errors import FamilyError, ModelFileError
from expfam.families import ExponentialFamily
from expfam.families._family import unknown
from expfam.links._link import Link, Tolerance
from expfam.links.canonical import Canonical
from expfam.links.cauchit import Cauchit
from expfam.links.cloglog import CLogLog
from expfam.links.identity import Identity
from expfam.links.inverse import Inverse
from expfam.links.inverse_squared import InverseSquared
from expfam.links.log import Log
from expfam.links.logit import Logit
from expfam.links.loglog import LogLog
from expfam.links.power import Power
from expfam.links.probit import Probit
from expfam.links.softmax import Softmax
from expfam.links.sqrt import Sqrt
from expfam.spelled import key

LINKS: dict[str, type[Link]] = {
    "identity": Identity,
    "log": Log,
    "logit": Logit,
    "probit": Probit,
    "cloglog": CLogLog,
    "loglog": LogLog,
    "cauchit": Cauchit,
    "inverse": Inverse,
    "inverse_squared": InverseSquared,
    "sqrt": Sqrt,
    "power": Power,
    "softmax": Softmax,
    "canonical": Canonical,
}
POWER = re.compile(r"power\(\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*\)")

__all__ = [
    "LINKS",
    "CLogLog",
    "Canonical",
    "Cauchit",
    "Identity",
    "Inverse",
    "InverseSquared",
    "Link",
    "Log",
    "LogLog",
    "Logit",
    "Power",
    "Probit",
    "Softmax",
    "Sqrt",
    "Tolerance",
    "from_dict",
    "link",
]


def link(given: str | Link | type[Link] | None, family: ExponentialFamily) -> Link:
    """Which link is meant: None is the family's own. Raises FamilyError for an unknown or unsuitable one."""
    chosen = _resolve(family.default_link if given is None else given, family)
    if not isinstance(chosen, Canonical) and chosen.vector != family.vector:
        fit = "softmax alone" if family.vector else "any link but softmax"
        raise FamilyError(f"the {chosen.name} link does not suit the {family.name} family, which takes {fit}")
    return chosen


def _resolve(given: str | Link | type[Link], family: ExponentialFamily) -> Link:
    if isinstance(given, Link):
        return given
    if isinstance(given, str):
        if power := POWER.fullmatch(given.lower().strip()):
            return Power(float(power[1]))
        if key(given) not in LINKS:
            raise unknown("link", given, LINKS)
        given = LINKS[key(given)]
    if not (isinstance(given, type) and issubclass(given, Link)):
        raise unknown("link", given, LINKS)
    if given is Canonical:
        return Canonical(family)
    if given is Power:
        raise FamilyError("link 'power' is one of many: give its exponent, 'power(0.5)' or Power(0.5)")
    return given()


def from_dict(saved: Mapping[str, Any], family: ExponentialFamily) -> Link:
    """The link that `to_dict` wrote down. Raises ModelFileError for what it cannot have written."""
    options = dict(saved)
    try:
        kind = LINKS[options.pop("name")]
        return Canonical(family) if kind is Canonical else kind(**options)
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"no link can be made of {dict(saved)}; the file is damaged or newer") from error
