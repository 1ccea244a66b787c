"""The derivations that `explain` prints, one a family: from the density to psi, T, a, the link and the deviance."""

from collections.abc import Mapping
from dataclasses import dataclass

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """What has to be said of one family; `at` is the mean of its numeric check."""

    title: str
    density: Lines
    steps: Lines
    psi: str
    T: str
    a: str
    b: str
    mean: Lines
    variance: Lines
    link: Lines
    deviance: Lines
    response: str
    at: float


BERNOULLI = Derivation(
    title="Bernoulli: y is 1 with probability φ, else 0",
    density=("p(y; φ) = φ^y (1-φ)^(1-y),   y in {0, 1}",),
    steps=(
        "p = exp( y log φ + (1-y) log(1-φ) )",
        "  = exp( y log(φ/(1-φ)) + log(1-φ) )",
    ),
    psi="log(φ/(1-φ)), the log-odds; solved for φ: φ = 1/(1 + e^-ψ)",
    T="y",
    a="-log(1-φ) = log(1 + e^ψ)",
    b="1",
    mean=("a'(ψ) = e^ψ/(1 + e^ψ) = 1/(1 + e^-ψ) = φ",),
    variance=("a''(ψ) = e^ψ/(1 + e^ψ)^2 = μ (1-μ)",),
    link=(
        "g(μ) = ψ = log(μ/(1-μ)), the logit; its inverse is the sigmoid 1/(1 + e^-η).",
        "The sigmoid is not chosen: it is the mean of y when the log-odds are linear in x.",
    ),
    deviance=("2 [ y log(y/μ) + (1-y) log((1-y)/(1-μ)) ],   0 log 0 = 0",),
    response="1/(1 + e^-(x·θ))",
    at=0.6,
)

BINOMIAL = Derivation(
    title="Binomial: y is the share of successes in w trials, each with probability φ",
    density=("p(y; φ) = C(w, wy) φ^(wy) (1-φ)^(w-wy),   wy in {0, ..., w}",),
    steps=(
        "p = C(w, wy) exp( wy log φ + (w-wy) log(1-φ) )",
        "  = C(w, wy) exp( w [ y log(φ/(1-φ)) + log(1-φ) ] )",
        "which is form (3) of the theory: the weight w multiplies a Bernoulli's exponent",
    ),
    psi="log(φ/(1-φ)), the log-odds",
    T="y",
    a="log(1 + e^ψ)",
    b="C(w, wy)",
    mean=("a'(ψ) = 1/(1 + e^-ψ) = φ",),
    variance=("a''(ψ) = μ (1-μ), and Var[y] = μ (1-μ)/w",),
    link=(
        "g(μ) = log(μ/(1-μ)), the logit; its inverse is the sigmoid.",
        "Trials enter as a weight alone: link and update are a Bernoulli's.",
    ),
    deviance=("2 w [ y log(y/μ) + (1-y) log((1-y)/(1-μ)) ]",),
    response="1/(1 + e^-(x·θ))",
    at=0.6,
)

CATEGORICAL = Derivation(
    title="Categorical: y is one of k classes, with probabilities φ_1, ..., φ_k of sum 1",
    density=("p(y; φ) = φ_1^1{y=1} φ_2^1{y=2} ... φ_k^1{y=k}",),
    steps=(
        "T(y)_i = 1{y=i} for i < k; the last indicator is 1 - sum_i T_i, hence",
        "p = exp( sum_i T_i log φ_i + (1 - sum_i T_i) log φ_k )",
        "  = exp( sum_i T_i log(φ_i/φ_k) + log φ_k )",
    ),
    psi="( log(φ_1/φ_k), ..., log(φ_(k-1)/φ_k) ), and ψ_k = 0",
    T="( 1{y=1}, ..., 1{y=k-1} ), k-1 numbers",
    a="-log φ_k = log(1 + sum_i e^ψ_i)",
    b="1",
    mean=(
        "φ_i = φ_k e^ψ_i, and the φ_i sum to 1: φ_k = 1/(1 + sum_j e^ψ_j)",
        "da/dψ_i = e^ψ_i/(1 + sum_j e^ψ_j) = φ_i",
    ),
    variance=("d²a/dψ_i dψ_j = μ_i 1{i=j} - μ_i μ_j,   that is diag(μ) - μ μ'",),
    link=(
        "g(μ)_i = log(μ_i/μ_k); its inverse is the softmax e^η_i / sum_j e^η_j with η_k = 0.",
        "For k = 2 it is the sigmoid.",
    ),
    deviance=("2 sum_i T_i log(T_i/μ_i) over all k classes = -2 log μ_y",),
    response="( e^(x·θ_1), ..., e^(x·θ_(k-1)) ) / (1 + sum_j e^(x·θ_j)),   θ_k = 0",
    at=0.5,
)

GAUSSIAN = Derivation(
    title="Gaussian: y is normal with mean μ and variance σ²",
    density=("p(y; μ) = (2πσ²)^(-1/2) exp( -(y-μ)²/(2σ²) )",),
    steps=(
        "With σ = 1, which never moves θ:",
        "p = (2π)^(-1/2) e^(-y²/2) exp( μ y - μ²/2 )",
        "A free σ² is the dispersion φ: the exponent is divided by it, and b depends on it.",
    ),
    psi="μ",
    T="y",
    a="μ²/2 = ψ²/2",
    b="(2π)^(-1/2) e^(-y²/2)",
    mean=("a'(ψ) = ψ = μ",),
    variance=("a''(ψ) = 1, and Var[y] = σ²",),
    link=("g(μ) = ψ = μ, the identity: the mean itself is linear in x.",),
    deviance=("(y - μ)²: maximum likelihood is least squares",),
    response="x·θ",
    at=0.6,
)

POISSON = Derivation(
    title="Poisson: y counts events that come independently at rate λ",
    density=("p(y; λ) = λ^y e^-λ / y!,   y in {0, 1, 2, ...}",),
    steps=("p = (1/y!) exp( y log λ - λ )",),
    psi="log λ",
    T="y",
    a="λ = e^ψ",
    b="1/y!",
    mean=("a'(ψ) = e^ψ = λ",),
    variance=("a''(ψ) = e^ψ = μ",),
    link=(
        "g(μ) = log μ; its inverse is e^η: effects multiply the rate,",
        "and an exposure e enters as the offset log e.",
    ),
    deviance=("2 [ y log(y/μ) - (y - μ) ]",),
    response="e^(x·θ)",
    at=0.6,
)

GAMMA = Derivation(
    title="Gamma: y > 0 with mean μ and shape k",
    density=("p(y; μ) = (k/μ)^k y^(k-1) e^(-ky/μ) / Γ(k)",),
    steps=(
        "p = k^k y^(k-1)/Γ(k) exp( -k log μ - k y/μ )",
        "  = k^k y^(k-1)/Γ(k) exp( k [ y (-1/μ) - log μ ] )",
        "form (3) with dispersion φ = 1/k, the squared coefficient of variation",
    ),
    psi="-1/μ < 0",
    T="y",
    a="log μ = -log(-ψ)",
    b="k^k y^(k-1)/Γ(k)",
    mean=("a'(ψ) = -1/ψ = μ",),
    variance=("a''(ψ) = 1/ψ² = μ², and Var[y] = φ μ²",),
    link=(
        "ψ = -1/μ: the inverse link g(μ) = 1/μ is canonical up to the sign.",
        "The log link, for effects that multiply and means that stay positive, is the usual other choice.",
    ),
    deviance=("2 [ (y - μ)/μ - log(y/μ) ]",),
    response="-1/(x·θ)",
    at=1.2,
)

INVERSE_GAUSSIAN = Derivation(
    title="Inverse Gaussian: y > 0, the time a drifting Brownian motion takes to a level",
    density=("p(y; μ) = (λ/(2πy³))^(1/2) exp( -λ (y-μ)²/(2 μ² y) )",),
    steps=(
        "(y-μ)²/(2 μ² y) = y/(2μ²) - 1/μ + 1/(2y), hence",
        "p = (λ/(2πy³))^(1/2) e^(-λ/(2y)) exp( λ [ y (-1/(2μ²)) + 1/μ ] )",
        "form (3) with dispersion φ = 1/λ",
    ),
    psi="-1/(2μ²) < 0",
    T="y",
    a="-1/μ = -(-2ψ)^(1/2)",
    b="(λ/(2πy³))^(1/2) e^(-λ/(2y))",
    mean=("a'(ψ) = (-2ψ)^(-1/2) = μ",),
    variance=("a''(ψ) = (-2ψ)^(-3/2) = μ³, and Var[y] = φ μ³",),
    link=("ψ = -1/(2μ²): the link g(μ) = 1/μ² is canonical up to the factor -1/2.",),
    deviance=("(y - μ)²/(μ² y)",),
    response="(-2 x·θ)^(-1/2)",
    at=1.2,
)

NEGATIVE_BINOMIAL = Derivation(
    title="Negative binomial: a Poisson count whose rate is Gamma distributed; ϑ is known",
    density=("p(y; μ) = Γ(y+ϑ)/(Γ(ϑ) y!) (μ/(μ+ϑ))^y (ϑ/(μ+ϑ))^ϑ",),
    steps=("p = Γ(y+ϑ)/(Γ(ϑ) y!) exp( y log(μ/(μ+ϑ)) + ϑ log(ϑ/(μ+ϑ)) )",),
    psi="log(μ/(μ+ϑ)) < 0",
    T="y",
    a="-ϑ log(ϑ/(μ+ϑ)) = -ϑ log(1 - e^ψ)",
    b="Γ(y+ϑ)/(Γ(ϑ) y!)",
    mean=("a'(ψ) = ϑ e^ψ/(1 - e^ψ) = μ",),
    variance=("a''(ψ) = ϑ e^ψ/(1 - e^ψ)² = μ + μ²/ϑ: more than a Poisson's, and as ϑ -> inf a Poisson's",),
    link=(
        "The canonical link log(μ/(μ+ϑ)) asks for η < 0 and ties the effects to ϑ;",
        "the default is therefore log, as for the Poisson, and ψ'(η) = ϑ/(μ+ϑ) enters the update.",
    ),
    deviance=("2 [ y log(y/μ) - (y+ϑ) log((y+ϑ)/(μ+ϑ)) ]",),
    response="ϑ/(e^-(x·θ) - 1)",
    at=1.2,
)

TWEEDIE = Derivation(
    title="Tweedie: the family of variance μ^p; for 1 < p < 2 a Poisson number of Gamma amounts",
    density=(
        "Start from what is wanted, V(μ) = μ^p, and go back to a:",
        "N ~ Poisson(rate), y = sum of N Gamma amounts has it for 1 < p < 2, with P(y = 0) = e^-rate.",
    ),
    steps=(
        "dψ/dμ = 1/V(μ) = μ^-p,          hence ψ = μ^(1-p)/(1-p)",
        "da/dμ = μ dψ/dμ = μ^(1-p),      hence a = μ^(2-p)/(2-p)",
        "p(y; ψ) = b(y, φ) exp( [ ψ y - a(ψ) ]/φ )",
    ),
    psi="μ^(1-p)/(1-p)",
    T="y",
    a="μ^(2-p)/(2-p) = ((1-p)ψ)^((2-p)/(1-p))/(2-p)",
    b="at 0: 1; at y > 0 a sum over the number N of amounts",
    mean=("a'(ψ) = ((1-p)ψ)^(1/(1-p)) = μ",),
    variance=("a''(ψ) = ((1-p)ψ)^(p/(1-p)) = μ^p, and Var[y] = φ μ^p",),
    link=(
        "The canonical link is μ^(1-p)/(1-p), which restricts η; the default is log.",
        "p = 0, 1, 2, 3 give the Gaussian, Poisson, Gamma and inverse Gaussian.",
    ),
    deviance=("2 [ y^(2-p)/((1-p)(2-p)) - y μ^(1-p)/(1-p) + μ^(2-p)/(2-p) ]",),
    response="((1-p) x·θ)^(1/(1-p))",
    at=1.2,
)


def _quasi(parent: Derivation, name: str, V: str) -> Derivation:
    return Derivation(
        title=f"Quasi-{name}: the {name} mean, with a variance φ V(μ) whose φ is estimated",
        density=(f"No density is assumed: only E[y] = μ and Var[y] = φ V(μ), V(μ) = {V}.",),
        steps=(
            f"Estimates solve the {name} equations, which need mean and variance alone (Wedderburn 1974);",
            "φ = sum w (y-μ)²/V(μ) / (n-p) scales the standard errors; likelihood and AIC are given up.",
        ),
        psi=parent.psi.split(";")[0],
        T=parent.T,
        a=parent.a,
        b="none",
        mean=parent.mean,
        variance=(f"a''(ψ) = {V}, and Var[y] = φ {V}",),
        link=parent.link,
        deviance=parent.deviance,
        response=parent.response,
        at=parent.at,
    )


DERIVATIONS: Mapping[str, Derivation] = {
    "gaussian": GAUSSIAN,
    "bernoulli": BERNOULLI,
    "binomial": BINOMIAL,
    "categorical": CATEGORICAL,
    "poisson": POISSON,
    "gamma": GAMMA,
    "inverse_gaussian": INVERSE_GAUSSIAN,
    "negative_binomial": NEGATIVE_BINOMIAL,
    "tweedie": TWEEDIE,
    "quasipoisson": _quasi(POISSON, "Poisson", "μ"),
    "quasibinomial": _quasi(BINOMIAL, "binomial", "μ (1-μ)"),
}
