"""A headless browser of this machine, driven by Playwright; where either is missing the tests skip, and say so."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expfam as ef

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NASTY = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "a & b")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a worker."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser to open the report in; install one of {', '.join(BROWSERS)}")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page: levels whose names are markup, a wide factor, missing values, a column left out."""
    rng = np.random.default_rng(7)
    n = 1200
    x = rng.normal(size=n)
    data = {
        "claims": rng.poisson(0.4 * np.exp(0.4 * x)).astype(float),
        "x": np.where(rng.random(n) < 0.02, np.nan, x),
        "twice": 2 * x,
        "g": np.resize(np.array(NASTY), n),
        "wide": np.array([f"level {k % 60:02}" for k in range(n)]),
        "exposure": rng.uniform(0.2, 1, n),
        "beside": rng.normal(size=n),
    }
    data["twice"] = 2 * data["x"]
    with pytest.warns(ef.ExpfamWarning):
        fit = ef.glm("claims ~ x + twice + g + wide", data, family="poisson", exposure="exposure")
    return Path(fit.report(tmp_path_factory.mktemp("report") / "model.html"))
