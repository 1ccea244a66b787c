"""`expfam predict MODEL DATA`."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

import expfam
from expfam.cli.files import WRITERS, Decimal, Sep, destination, table, write
from expfam.cli.frames import Column, lay_out
from expfam.cli.terminal import console, say
from expfam.solvers.status import Status

if TYPE_CHECKING:
    from expfam.fit import Fit

SHOWN = 10


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `fit --save` wrote.", show_default=False)
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A Parquet or CSV file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="A .parquet or .csv file; without it the first rows are shown.")
    ] = None,
    type: Annotated[str, typer.Option(help="response (the mean), link, or class (the label).")] = "response",
    interval: Annotated[
        str | None,
        typer.Option(help="Columns fit, lower, upper: confidence (of the mean) or prediction (of a new observation)."),
    ] = None,
    se: Annotated[bool, typer.Option("--se", help="A column of standard errors.")] = False,
    weights: Annotated[str | None, typer.Option(help="Weights of the new observations, a column.")] = None,
    trials: Annotated[str | None, typer.Option(help="Trials of the new observations, a column.")] = None,
    level: Annotated[float, typer.Option(help="Of the interval.")] = 0.95,
    unseen: Annotated[
        str | None, typer.Option(help="A level the fit never met: error, reference or missing; default the model's.")
    ] = None,
    sep: Sep = None,
    decimal: Decimal = None,
) -> None:
    """Predict every row of a file, in its order."""
    began = perf_counter()
    if out is not None:
        destination("--out", out, inputs=[model, data], suffixes=WRITERS)
    fit = expfam.load(model)
    predictions = _table(fit, fit.predict(
        table(data, sep, decimal), type=type, interval=interval, level=level, se=se, weights=weights, trials=trials,
        unseen=unseen,
    ))  # fmt: skip
    certificate = fit.certificate
    if not (fit.converged or certificate.streamed or certificate.status is Status.PASSES_DONE):
        say("not converged", f"the model is not at its optimum: {certificate.status.value}")
    gaps, n = predictions.column(0).null_count, predictions.num_rows
    if gaps:
        why = "missing values, levels never met or a mean that the fit leaves open"
        say("note", f"{gaps:,} of {n:,} rows have {why}: their predictions are left empty")
    if out is None:
        _show(predictions)
        return
    write(predictions, out)
    console().print(f"Wrote {n:,} predictions to {out} in {perf_counter() - began:.2f} s.", markup=False)


def _table(fit: "Fit", answer: Any) -> Any:
    """What `Fit.predict` answers as an Arrow table, null where there is no prediction."""
    import pyarrow as pa

    if isinstance(answer, pa.Table):
        columns = {name: answer[name].to_numpy() for name in answer.column_names}
    elif answer.ndim == 1:
        columns = {"prediction": answer}
    else:
        columns = {f"prediction[{label}]": values for label, values in zip(fit.classes or (), answer.T, strict=False)}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def _show(predictions: Any) -> None:
    """The first rows."""
    from rich.text import Text

    names, rows = predictions.column_names, predictions.slice(0, SHOWN).to_pylist()
    columns = [Column("row", [Text(str(row)) for row in range(len(rows))], text=False)]
    columns += [Column(name, [Text(_cell(row[name])) for row in rows], text=False) for name in names]
    lay_out(columns, keys=1)
    said = f"{len(rows)} of {predictions.num_rows:,} rows; --out FILE.parquet writes all."
    console().print(said, style="dim")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
