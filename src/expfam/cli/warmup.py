"""`expfam warmup`."""

from time import perf_counter

import typer

import expfam


def warmup() -> None:
    """Compile every kernel now, so that the first large fit need not wait for it."""
    began = perf_counter()
    expfam.warmup(progress=True)
    typer.echo(f"All kernels are ready, after {perf_counter() - began:.1f} s.")
