"""What is measured: one file a problem, one line here."""

from benchmarks.problem import Problem
from benchmarks.problems import (
    a9a,
    coverage,
    covtype,
    diagnostics,
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
    small,
    stream,
    threads,
)  # fmt: skip

ALL = (
    fremtpl2, severity, logistic, covtype, mnist, a9a, news20, factor, nist, inference, coverage, diagnostics, scaling,
    threads, small, sgd_vs_newton, stream,
)  # fmt: skip
PROBLEMS: dict[str, Problem] = {problem.PROBLEM.name: problem.PROBLEM for problem in ALL}
