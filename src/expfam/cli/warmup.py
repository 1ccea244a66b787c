"""`expfam warmup`."""

from time import perf_counter

import typer

import expfam


def warmup() -> None:
    """Compile every kernel, once on a machine: large fits are faster with them."""
    began = perf_counter()
    expfam.warmup(progress=True)
    typer.echo(f"All kernels are ready, after {perf_counter() - began:.1f} s.")
