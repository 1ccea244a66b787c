"""p(y; psi) = b(y) exp(psi . T(y) - a(psi)): one family a file, listed in FAMILIES."""

from collections.abc import Mapping
from typing import Any

from expfam.errors import FamilyError, ModelFileError
from expfam.families._family import ExponentialFamily, unknown
from expfam.families.bernoulli import Bernoulli
from expfam.families.binomial import Binomial
from expfam.families.categorical import Categorical
from expfam.families.custom import Family
from expfam.families.gamma import Gamma
from expfam.families.gaussian import Gaussian
from expfam.families.inverse_gaussian import InverseGaussian
from expfam.families.negative_binomial import NegativeBinomial
from expfam.families.poisson import Poisson
from expfam.families.quasi_binomial import QuasiBinomial
from expfam.families.quasi_poisson import QuasiPoisson
from expfam.families.tweedie import Tweedie
from expfam.spelled import key, made, parts

FAMILIES: dict[str, type[ExponentialFamily]] = {
    "gaussian": Gaussian,
    "bernoulli": Bernoulli,
    "binomial": Binomial,
    "categorical": Categorical,
    "poisson": Poisson,
    "gamma": Gamma,
    "inverse_gaussian": InverseGaussian,
    "negative_binomial": NegativeBinomial,
    "tweedie": Tweedie,
    "quasipoisson": QuasiPoisson,
    "quasibinomial": QuasiBinomial,
}
MEANT = {
    "normal": "gaussian",
    "logistic": "bernoulli",
    "logit": "bernoulli",
    "binary": "bernoulli",
    "multinomial": "categorical",
    "softmax": "categorical",
    "negbin": "negative_binomial",
    "negbinomial": "negative_binomial",
    "nb": "negative_binomial",
    "nbinom": "negative_binomial",
}
"""What other libraries call a family, and its name here."""

PARAMETERS = {
    NegativeBinomial: "theta must be given: family=NegativeBinomial(theta=2)",
    Tweedie: "power must be given: family=Tweedie(power=1.5)",
}

__all__ = [
    "FAMILIES",
    "Bernoulli",
    "Binomial",
    "Categorical",
    "ExponentialFamily",
    "Family",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "NegativeBinomial",
    "Poisson",
    "QuasiBinomial",
    "QuasiPoisson",
    "Tweedie",
    "family",
    "from_dict",
]


def family(given: str | ExponentialFamily | type[ExponentialFamily]) -> ExponentialFamily:
    """Which family is meant by a name, 'tweedie(1.5)', a class or an object? FamilyError names those there are."""
    if isinstance(given, ExponentialFamily):
        return given
    if isinstance(given, str):
        name, args, options = parts(given, FamilyError)
        if key(name) not in FAMILIES:
            raise unknown("family", name, FAMILIES, MEANT.get(key(name)))
        if args or options:
            return made(FAMILIES[key(name)], key(name), args, options, FamilyError)
        given = FAMILIES[key(name)]
    if not (isinstance(given, type) and issubclass(given, ExponentialFamily)):
        raise unknown("family", given, FAMILIES)
    if given in PARAMETERS:
        raise FamilyError(f"the {given.name} family is one of many: its {PARAMETERS[given]}")
    return given()


def from_dict(saved: Mapping[str, Any]) -> ExponentialFamily:
    """The family that `to_dict` wrote down. Raises ModelFileError for what it cannot have written."""
    options = dict(saved)
    name = options.pop("name", None)
    if options.get("custom"):
        raise ModelFileError(
            f"family {name!r} was made of Python functions, which no file holds; give its object by family="
        )
    try:
        return FAMILIES[name](**options)
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"no family can be made of {dict(saved)}; the file is damaged or newer") from error
