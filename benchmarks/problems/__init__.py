"""What is measured: one file a problem, one line here."""

from benchmarks.problem import Problem
from benchmarks.problems import (
    a9a,
    covtype,
    factor,
    fremtpl2,
    logistic,
    mnist,
    news20,
    nist,
    scaling,
    severity,
    sgd_vs_newton,
    threads,
)  # fmt: skip

ALL = (fremtpl2, severity, logistic, covtype, mnist, a9a, news20, factor, nist, scaling, threads, sgd_vs_newton)
PROBLEMS: dict[str, Problem] = {problem.PROBLEM.name: problem.PROBLEM for problem in ALL}
