"""A Parquet file: only the wanted columns leave the disk."""

from pathlib import Path

from expfam.data.names import Wanted, choose
from expfam.data.raw import Raw
from expfam.errors import SchemaError


def read(path: Path, wanted: Wanted) -> Raw:
    """The wanted columns; SchemaError for a file that is cut short or not Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names, metadata = list(choose(file.schema_arrow.names, wanted)), file.metadata
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=names) as file:  # text stays coded
            table = file.read(columns=names).select(names)
    except (pa.ArrowException, OSError) as error:
        raise SchemaError(
            f"{str(path)!r} is damaged (cut short?) or not a Parquet file: {str(error).splitlines()[0]}; "
            "write or copy it anew"
        ) from error
    return Raw(dict(zip(names, table.columns, strict=True)), metadata.num_rows, "arrow")
