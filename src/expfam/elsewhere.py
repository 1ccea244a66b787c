"""What R, statsmodels and scikit-learn call it, and how it is said here: hints for names that this library has not."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

ATTRIBUTES = {
    "params": "coef",
    "coef_": "coef, with the intercept among them; names beside it",
    "coefficients": "coef",
    "coefs": "coef",
    "intercept_": "intercept",
    "bse": "se",
    "std_err": "se",
    "stderr": "se",
    "pvalues": "p_values",
    "tvalues": "statistic",
    "zvalues": "statistic",
    "conf_int": "confint()",
    "cov_params": "vcov()",
    "normalized_cov_params": "vcov() / fit.dispersion",
    "scale": "dispersion",
    "llf": "loglik",
    "logLik": "loglik",
    "AIC": "aic",
    "aic_": "aic",
    "BIC": "bic",
    "bic_": "bic",
    "bic_llf": "bic",
    "nobs": "n",
    "n_iter_": "certificate.passes",
    "df_resid": "df_residual",
    "fittedvalues": "predict()",
    "fitted_values": "predict()",
    "fitted": "predict()",
    "mu": "predict()",
    "linear_predictors": "predict(type='link')",
    "decision_function": "predict(new, type='link')",
    "predict_proba": "predict(new), the mean, which is the probability of a class",
    "predict_log_proba": "predict(new), of which it is the logarithm",
    "get_prediction": "predict(new, interval='confidence')",
    "resid": "residuals('response')",
    "resid_response": "residuals('response')",
    "resid_pearson": "residuals('pearson')",
    "resid_deviance": "residuals('deviance')",
    "resid_working": "residuals('working')",
    "resid_anscombe": "residuals('anscombe')",
    "get_influence": "influence()",
    "hatvalues": "influence()",
    "cooks_distance": "influence()",
    "score": "calibration() and fit.roc(), which judge predictions; fit.deviance / fit.null_deviance for D^2",
    "t_test": "wald_test('a = b, 2 * c = 1')",
    "f_test": "wald_test('a = b, 2 * c = 1')",
    "wald_test_terms": "anova()",
    "get_margeff": "marginal_effects()",
    "emmeans": "marginal_means()",
    "tables": "tidy()",
    "summary2": "summary()",
    "classes_": "classes",
    "feature_names_in_": "names",
    "exog_names": "names",
    "family": "model.family",
    "link": "model.link",
}
"""Of a fit: the other name, and what follows 'fit.' here."""

OPTIONS = {
    "alpha": "penalty=Ridge(alpha), or ElasticNet(alpha, l1_ratio)",
    "C": "penalty=Ridge(1 / (C * n)): scikit-learn sums the loss, here it is a mean",
    "l1_ratio": "penalty=ElasticNet(strength, l1_ratio)",
    "fit_intercept": "a formula with '- 1'; of glm_arrays intercept=False",
    "intercept": "a formula with '- 1'",
    "cov_type": "vcov='HC1', or {'cluster': 'id'}",
    "cov_kwds": "vcov={'cluster': 'id'}",
    "cluster": "vcov={'cluster': 'id'}",
    "robust": "vcov='HC1'",
    "freq_weights": "weights=..., weights_kind='frequency'",
    "var_weights": "weights=...",
    "sample_weight": "weights=..., with weights_kind= 'precision', 'frequency' or 'sampling'",
    "class_weight": "weights=..., a number a row",
    "maxiter": "max_iter",
    "method": "solver=...",
    "optimizer": "solver=...",
    "random_state": "seed=...",
    "n_jobs": "a block 'with ef.threads(n):'",
    "verbose": "progress=True",
    "scale": "dispersion=...",
    "na_action": "missing='drop' or 'error'",
    "subset": "data of these rows alone",
    "contrasts": "C(g, contrasts='sum') in the formula",
    "theta": "family='negative_binomial(theta=2)'",
    "power": "family='tweedie(1.5)'",
    "var_power": "family='tweedie(1.5)'",
    "start_params": "nothing: the start is found, and does not change the optimum",
    "start": "nothing: the start is found, and does not change the optimum",
    "loss": "family=..., and link=...",
    "learning_rate": "solver=SGD(rate=..., step=...)",
    "eta0": "solver=SGD(rate=...)",
    "lr": "solver=SGD(rate=...)",
    "power_t": "solver=SGD(step='inverse', power=...)",
    "batch_size": "solver=SGD(batch=...)",
    "average": "solver=SGD(average=...)",
    "n_iter": "max_iter, or passes=... of solver='sgd'",
    "epochs": "passes=... of solver='sgd'",
}
"""Of `glm`: the other name, and what to write here."""

FUNCTIONS = {
    "factor": "C(x)",
    "as.factor": "C(x)",
    "ordered": "C(x)",
    "relevel": "C(x, ref='b')",
    "Treatment": "C(x, ref='b')",
    "Sum": "C(x, contrasts='sum')",
    "Helmert": "C(x, contrasts='helmert')",
    "ln": "log(x)",
    "power": "I(x**2)",
    "pow": "I(x**2)",
    "square": "I(x**2)",
    "s": "bs(x, df=5), or ns(x, df=4)",
    "cr": "ns(x, df=4)",
    "standardize": "scale(x)",
    "Q": "the name in backticks",
}
"""In a formula: the other function, and what to write here."""

ONCE = "nothing: every row is read once, when it comes"
MODEL = "an option of the model, not of its solver: penalty=... of glm or OnlineGLM"

BY_FRONT: Mapping[str, Mapping[str, str]] = {
    "OnlineGLM": {
        **dict.fromkeys(("max_iter", "maxiter", "n_iter", "epochs", "passes", "tol", "random_state", "seed"), ONCE),
        **dict.fromkeys(("cov_type", "robust"), "vcov='HC0', the default, or 'model'"),
        **dict.fromkeys(("verbose", "progress"), "consume(source, tell=...)"),
        **dict.fromkeys(("scale", "dispersion"), "nothing: it is estimated as rows come"),
        "n_features": "hash_bits=..., buckets of each factor",
    },
    "SGD": {
        **dict.fromkeys(("max_iter", "maxiter", "n_iter", "epochs"), "passes=..."),
        **dict.fromkeys(("eta0", "lr", "learning_rate_init"), "rate=..."),
        **dict.fromkeys(("penalty", "alpha", "C", "l1_ratio", "weight_decay"), MODEL),
        **dict.fromkeys(("random_state", "seed"), "seed=... of glm"),
        **dict.fromkeys(("loss", "family"), "family=... of glm or OnlineGLM"),
        "learning_rate": "rate=..., and step=... for how it falls",
        "power_t": "power=... of step='inverse'",
        "batch_size": "batch=...",
        "n_jobs": "workers=...",
        "tol": "nothing: it reads the rows as often as passes= says",
    },
}
"""What is said in another way where a front is no fit to all rows at once."""


def no_function(name: str, known: Iterable[str]) -> str:
    """A hint for a function of a formula that is not listed, "" where none is near; np.log is log here."""
    bare = name.rpartition(".")[2]
    near = next(iter(get_close_matches(bare, known, n=1, cutoff=0.75)), None)
    here = FUNCTIONS.get(name) or FUNCTIONS.get(bare) or (None if near is None else f"{near}(...)")
    return "" if here is None else f"; write {here}"


def no_attribute(name: str, known: Iterable[str], what: str = "a fit", path: str = "fit") -> AttributeError:
    """The error of a fit, or of `what` is found at `path`, for an attribute that it has not, with the name that is
    meant."""
    here = ATTRIBUTES.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
    return AttributeError(f"{what} has no attribute {name!r}" + ("" if here is None else f"; here it is {path}.{here}"))


def no_option(front: str, name: str, known: Mapping[str, object] | Iterable[str]) -> TypeError:
    """The error of `glm`, `OnlineGLM` or a solver for an option that it has not, with what is meant."""
    names, words = tuple(known), {**OPTIONS, **BY_FRONT.get(front, {})}
    near = [f"{other}=..." for other in get_close_matches(name, names, n=1)]
    here = next(iter([words[name]] if name in words else near), None)
    hint = "" if here is None else f"; here it is {here}"
    return TypeError(f"{front} has no option {name!r}{hint}. It has {', '.join(names)}")
