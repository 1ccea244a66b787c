"""Clustered errors of pyfixest 0.60: `python fixest.py ROWS.json > ../recorded_fixest.json`.

ROWS.json are the rows of `people()` of test_robust.py, each column a list.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import pyfixest

rows = pd.DataFrame(json.loads(Path(sys.argv[1]).read_text()))
rows["year0"] = rows["year"] - 2006.0
found = {}
for name, model in (("gaussian", pyfixest.feols), ("poisson", pyfixest.fepois)):
    for ways in ("family", "family+year"):
        options = {"iwls_tol": 1e-14, "iwls_maxiter": 100} if name == "poisson" else {}
        fit = model("y ~ x + C(kind) + year0", rows, vcov={"CRV1": ways}, **options)
        found[f"{name} {ways}"] = fit.se().tolist()
print(json.dumps(found))
