"""The command line: `expfam demo`, `fit`, `predict`, `explain`; thin over the functions of the same names."""

from expfam.cli.app import main

__all__ = ["main"]
