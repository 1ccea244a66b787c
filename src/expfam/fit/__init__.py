"""Fit, the frozen answer: the numbers it holds (`estimates`), and what it answers by reading rows, a file a subject."""

from expfam.fit.fit import Fit

__all__ = ["Fit"]
