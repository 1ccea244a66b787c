"""From a density to its training rule: the derivation of one family, with its claims checked in numbers."""

from dataclasses import dataclass
from html import escape

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import FamilyError
from expfam.explanations import DERIVATIONS, Derivation
from expfam.families import Categorical, ExponentialFamily, NegativeBinomial, Tweedie
from expfam.families import family as find

EXAMPLES: dict[str, ExponentialFamily] = {
    "negative_binomial": NegativeBinomial(theta=2.0),
    "tweedie": Tweedie(power=1.5),
    "categorical": Categorical(k=3),
}
STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Explanation:
    """The derivation of one family: `print` it, or let a notebook show it."""

    family: str
    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        title, _, body = self.text.partition("\n")
        return f"<h3>{escape(title)}</h3>\n<pre>{escape(body.strip())}</pre>"


def explain(family: str | ExponentialFamily | type[ExponentialFamily] = "bernoulli") -> Explanation:
    """Why does this family have this link, mean, variance, deviance and update rule?

    Raises FamilyError for an unknown name, and for a user's own family, whose density it cannot know.
    """
    name = family if isinstance(family, str) else getattr(family, "name", None)
    named = not isinstance(family, ExponentialFamily)
    case = EXAMPLES[name] if named and name in EXAMPLES else find(family)
    if case.name not in DERIVATIONS:
        raise FamilyError(
            f"no derivation is written for the {case.name!r} family; there is one for: {', '.join(DERIVATIONS)}"
        )
    told = DERIVATIONS[case.name]
    return Explanation(case.name, "\n".join([told.title, "=" * len(told.title), *_sections(told, case)]) + "\n")


def _sections(told: Derivation, case: ExponentialFamily) -> list[str]:
    psi = case.natural(_mean(told, case))
    parts = {
        "1. The density": told.density,
        "2. As an exponential family, p(y; ψ) = b(y) exp( ψ·T(y) - a(ψ) )": told.steps,
        "   where": (f"ψ    = {told.psi}", f"T(y) = {told.T}", f"a(ψ) = {told.a}", f"b(y) = {told.b}"),
        "3. The mean of T(y) is the gradient of a": told.mean,
        "4. Its variance is the curvature of a": told.variance,
        "5. The canonical link makes ψ linear: ψ = η = x·θ": told.link,
        "6. The deviance, 2 [ a*(T) + a(ψ) - ψ·T ], is 0 at μ = T(y) and positive elsewhere": told.deviance,
        "7. The response function and the update, one line for every family": (
            f"h(x) = E[T(y) | x] = {told.response}",
            "gradient of -log p(y | x; θ):   (h(x) - T(y)) x",
            "stochastic gradient descent:    θ <- θ + α (T(y) - h(x)) x",
            "under another link the factor ψ'(η) joins: θ <- θ + α (T(y) - h(x)) ψ'(η) x",
        ),
        f"Checked now, by differences of a at ψ = {_show(psi)}, for {case!r}": _check(psi, case),
    }
    return [line for title, lines in parts.items() for line in ("", title, *(f"     {each}" for each in lines))]


def _mean(told: Derivation, case: ExponentialFamily) -> FloatArray:
    if not isinstance(case, Categorical):
        return np.array([told.at])
    weight = np.arange(1.0, (case.k or 3) + 1)
    return np.asarray(weight[None, :-1] / weight.sum())


def _check(psi: FloatArray, case: ExponentialFamily) -> tuple[str, str]:
    step = np.zeros_like(psi)
    step.flat[0] = STEP
    up, here, down = (float(case.a(psi + k * step)[0]) for k in (1, 0, -1))
    mean, variance = (np.ravel(f(psi))[0] for f in (case.mean, case.variance_at))
    return (
        f"a'  = {(up - down) / (2 * STEP):.6f}   and mean(ψ)     = {mean:.6f}",
        f"a'' = {(up - 2 * here + down) / STEP**2:.6f}   and V(mean(ψ))  = {variance:.6f}",
    )


def _show(psi: FloatArray) -> str:
    values = [f"{value:g}" for value in np.ravel(psi)]
    return values[0] if len(values) == 1 else f"({', '.join(values)})"
