"""What is measured: one file a problem, one line here."""

from benchmarks.problems import covtype, fremtpl2, sgd_vs_newton
from benchmarks.problems._problem import Problem

PROBLEMS: dict[str, Problem] = {p.name: p for p in (fremtpl2.PROBLEM, covtype.PROBLEM, sgd_vs_newton.PROBLEM)}
