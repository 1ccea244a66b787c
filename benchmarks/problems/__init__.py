"""What is measured: one file a problem, one line here."""

from benchmarks.problem import Problem
from benchmarks.problems import (
    a9a,
    coverage,
    covtype,
    factor,
    fremtpl2,
    inference,
    logistic,
    mnist,
    news20,
    nist,
    scaling,
    severity,
    sgd_vs_newton,
    threads,
)  # fmt: skip

ALL = (
    fremtpl2, severity, logistic, covtype, mnist, a9a, news20, factor, nist, inference, coverage, scaling, threads,
    sgd_vs_newton,
)  # fmt: skip
PROBLEMS: dict[str, Problem] = {problem.PROBLEM.name: problem.PROBLEM for problem in ALL}
