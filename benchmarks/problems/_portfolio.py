"""The French motor portfolio freMTPL2: one set of rating factors, by a formula and laid out for the others."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PREDICTORS = (
    "Area + C(clip(VehPower,4,9)) + cut(VehAge,[0,9]) + cut(DrivAge,[20,25,30,40,50,70])"
    " + clip(BonusMalus,50,150) + VehBrand + VehGas + log(Density) + Region"
)


def read(path: Path) -> "pd.DataFrame":
    """A Parquet file as a pandas frame."""
    import pyarrow.parquet as pq

    frame: pd.DataFrame = pq.read_table(path).to_pandas()
    return frame


def rating(raw: "pd.DataFrame") -> "pd.DataFrame":
    """The columns of PREDICTORS by pandas and NumPy alone, under the names that expfam gives them."""
    import pandas as pd

    text = {name: raw[name].astype(str).astype("category") for name in ("Area", "VehBrand", "VehGas", "Region")}
    return pd.DataFrame(
        {
            "Area": text["Area"],
            "C(clip(VehPower, 4, 9))": raw["VehPower"].clip(4, 9).astype(str).astype("category"),
            "cut(VehAge, [0, 9])": intervals(raw["VehAge"], (0, 9)),
            "cut(DrivAge, [20, 25, 30, 40, 50, 70])": intervals(raw["DrivAge"], (20, 25, 30, 40, 50, 70)),
            "clip(BonusMalus, 50, 150)": raw["BonusMalus"].clip(50, 150).astype(float),
            "VehBrand": text["VehBrand"],
            "VehGas": text["VehGas"],
            "log(Density)": np.log(raw["Density"].astype(float)),
            "Region": text["Region"],
        }
    )


def intervals(x: "pd.Series[int]", edges: tuple[int, ...]) -> "pd.Categorical[str]":
    """Right-closed intervals with open ends."""
    import pandas as pd

    labels = [f"({a}, {b}]" for a, b in zip(("-inf", *edges), (*edges, "inf"), strict=True)]
    return pd.Categorical.from_codes(np.digitize(x.to_numpy(), edges, right=True), pd.Index(labels))
