"""Numbers beside the coefficients, by maximum likelihood: one file a family, listed in NUISANCE."""

from collections.abc import Callable

from expfam.errors import FamilyError
from expfam.families import FAMILIES, ExponentialFamily, NegativeBinomial, Tweedie, family
from expfam.links import Link
from expfam.links.canonical import Canonical
from expfam.nuisance.dispersion import Asked
from expfam.nuisance.dispersion import asked as asked_dispersion
from expfam.nuisance.joint import Free
from expfam.nuisance.negative_binomial import FreeTheta
from expfam.nuisance.number import Nuisance
from expfam.nuisance.tweedie import FreePower
from expfam.spelled import key

NUISANCE: dict[type[ExponentialFamily], tuple[ExponentialFamily, Callable[[float | None], Free]]] = {
    NegativeBinomial: (NegativeBinomial(1.0), lambda phi: FreeTheta()),
    Tweedie: (Tweedie(1.5), FreePower),
}
"""A family named without its number: the member that stands in until it is estimated, and how, phi known or None."""

OF_NUMBER: dict[str, type[ExponentialFamily]] = {"theta": NegativeBinomial, "power": Tweedie}
"""The family that a number belongs to: a theta without bound leaves a fit of the Poisson family."""

__all__ = ["NUISANCE", "OF_NUMBER", "Asked", "Free", "Nuisance", "asked_dispersion", "free", "named"]


def named(given: str | ExponentialFamily | type[ExponentialFamily]) -> tuple[ExponentialFamily, bool]:
    """The family meant, and whether its number is to be estimated: it was asked for by name or as a class."""
    kind = FAMILIES.get(key(given)) if isinstance(given, str) else given
    if isinstance(kind, type) and kind in NUISANCE:
        return NUISANCE[kind][0], True
    return family(given), False


def free(stands_in: ExponentialFamily, link: Link, ask: Asked) -> Free:
    """The estimator of a family named without its number; FamilyError for a link that depends on the number."""
    if isinstance(link, Canonical):
        raise FamilyError(
            f"link='canonical' of the {stands_in.name} family depends on its number, which is to be estimated; take "
            f"the {stands_in.default_link} link, or give the number: {stands_in!r}"
        )
    return NUISANCE[type(stands_in)][1](ask.value if ask.kind == "given" else None)
