"""`expfam warmup`."""

from time import perf_counter

import typer

from expfam.progress import progress


def warmup() -> None:
    """Compile every kernel now, so that the first large fit need not wait for it."""
    from expfam.warming import each  # brings Numba

    began = perf_counter()
    with progress(True, "compiling") as tell:
        count = 0
        for name in each():
            tell(f"compiled: {name}")
            count += 1
    typer.echo(f"Kernels for {count} kinds of columns and families are ready, after {perf_counter() - began:.1f} s.")
