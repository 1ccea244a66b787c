"""The way of a fit that was learned row after row: in the user's units, with errors, kept in files, drawn."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.laws.test_stream import learned, part, rows

import expfam as ef
from expfam.cli.plot import plot
from expfam.inference.pivot import critical
from expfam.solvers import first_order
from expfam.solvers.implicit import FEW
from expfam.solvers.learning import Point, stacked
from expfam.solvers.sgd import AT_HAND

WHOLE = 2592  # rows after which a batch is full
Frame = dict[str, np.ndarray]


def counts(n: int = WHOLE) -> Frame:
    """Counts on a factor and two numbers in units far from 1."""
    rng = np.random.default_rng(4)
    x, z = rng.normal(5e3, 1e3, n), rng.normal(size=n) * 1e-6
    g = rng.choice(["a", "b", "c"], n)
    y = rng.poisson(np.exp(0.3 * (x - 5e3) / 1e3 - 2e5 * z + 0.4 * (g == "b")))
    return {"x": x, "z": z, "g": g, "y": y.astype(float), "w": rng.integers(1, 4, n).astype(float)}


def sgd(formula: str = "y ~ x + z + g", data: Frame | None = None, **options: Any) -> ef.Fit:
    ways = {name: options.pop(name) for name in ("passes", "update", "batch", "step") if name in options}
    family = options.pop("family", "poisson")
    return ef.glm(formula, data or counts(), family=family, solver=ef.SGD(**ways, shuffle=False), **options)


def test_the_last_point_is_the_fit_in_the_columns_own_units() -> None:
    """Coefficients to rounding; errors, whose information is that of theta as it came along, to 5%."""
    fit = sgd()
    way = fit.known_learning()
    assert way.rows[-1] == WHOLE
    assert way.theta[-1] == pytest.approx(fit.coef, rel=1e-12)
    assert way.se[-1] == pytest.approx(fit.se, rel=0.05)


@pytest.mark.parametrize("update", ["implicit", "explicit"])
def test_losses_are_those_before_learning(update: str) -> None:
    """The first is that of the null model, the second that of the first theta: from the densities."""
    data = counts()
    fit = sgd(data=data, update=update, batch=256, step="inverse" if update == "explicit" else None)
    way = fit.known_learning()
    X = np.column_stack([np.ones(WHOLE), data["x"], data["z"], data["g"] == "b", data["g"] == "c"])
    mean = data["y"].mean()
    for k, theta in enumerate((np.r_[np.log(mean), 0, 0, 0, 0], way.theta[0])):
        at = slice(256 * k, 256 * (k + 1))
        y, eta = data["y"][at], X[at] @ theta
        deviance = np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0.0)
        assert way.recent_loss[k] == pytest.approx(np.mean(np.exp(eta) - y * eta + deviance), rel=1e-9)
    curve = fit.learning_curve()
    assert list(curve) == ["rows", "loss", "recent_loss"]
    assert curve["loss"] == pytest.approx(np.cumsum(way.recent_loss * np.diff(way.weight, prepend=0)) / way.weight)
    assert np.isnan(way.se).all() == (update == "explicit")


def test_rows_that_come_again_do_not_narrow_the_bands() -> None:
    once, thrice = (sgd(passes=passes).known_learning() for passes in (1, 3))
    assert thrice.rows[-1] > 2.8 * WHOLE
    assert thrice.se[-1] == pytest.approx(once.se[-1], rel=0.05)
    assert "rows met before" in sgd(passes=3).plot.learning().note


def test_a_frequency_is_so_many_rows() -> None:
    """In one batch, to rounding: theta, errors, loss and rows of the repeated rows."""
    data = {name: column[:80] for name, column in counts().items()}
    twice = {name: np.repeat(column, data["w"].astype(int)) for name, column in data.items()}
    weighted = sgd(data=data, weights="w", weights_kind="frequency").known_learning()
    repeated = sgd(data=twice).known_learning()
    for name in ("rows", "weight", "loss", "theta", "se"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-6), name


def test_classes_and_columns_left_out() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(2, WHOLE))
    eta = np.column_stack([x, -z, np.zeros(WHOLE)]) + rng.gumbel(size=(WHOLE, 3))
    data = {"x": x, "double": 2 * x, "z": z, "y": np.array(["u", "v", "w"])[eta.argmax(axis=1)]}
    with pytest.warns(ef.AliasWarning):
        fit = sgd("y ~ x + double + z", data, family="categorical")
    way = fit.known_learning()
    assert way.theta[-1] == pytest.approx(fit.flat(fit.coef), rel=1e-12, nan_ok=True)
    assert way.se[-1] == pytest.approx(fit.flat(fit.se), rel=0.1, nan_ok=True)
    drawn = fit.plot.learning().data
    assert drawn["names"].tolist() == ["u:x", "u:z", "v:x", "v:z"]
    assert np.array_equal(drawn["estimate"][:, 0], way.theta[:, fit.model.flat_names.index("u:x")])
    with pytest.raises(ef.ExpfamError, match="left out"):
        fit.plot.learning("u:double")


def test_steps_without_errors_are_drawn_without_bands() -> None:
    fit = sgd(update="explicit")
    picture = fit.plot.learning(["x", "z"])
    assert np.isnan(picture.data["lower"]).all()
    assert np.isfinite(picture.data["estimate"]).all()
    assert len(picture.png()) > 10_000
    strongest = np.argsort(-np.abs(fit.statistic[1:]))[:5] + 1
    assert fit.plot.learning().data["names"].tolist() == [fit.names[j] for j in sorted(strongest)]


def test_a_walk_is_drawn_with_bands_by_random_scaling() -> None:
    """Wider than the normal's by its own pivot; a level whose first rows wait is not known yet."""
    model = learned(rows(6_000), [2_000], solver=ef.SGD(step="normalised"))
    fit, data = model.fit, model.fit.plot.learning(["x", "z"]).data
    way = fit.known_learning()
    at = [fit.names.index("x"), fit.names.index("z")]
    assert data["upper"] - data["estimate"] == pytest.approx(critical(0.95) * way.se[:, at], nan_ok=True)
    assert np.isfinite(data["estimate"]).all()
    late = np.array(["late" in name for name in fit.names])
    assert late.any()
    assert np.array_equal(np.isnan(way.theta[-1]), late)


def test_many_coefficients_of_a_walk_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """But those from before there were too many are."""
    monkeypatch.setattr("expfam.stream.stream.BANDED", 5)
    assert learned(rows(6_000), solver=ef.SGD(step="normalised")).fit.known_learning().theta.shape[1] == 0
    few, many = Point(1, 1.0, 1.0, np.ones(1), np.ones(1), ("b",)), Point(2, 2.0, 1.0, np.zeros(0), np.zeros(0))
    assert np.array_equal(stacked([few, many], ["a", "b"]).theta, [[np.nan, 1], [np.nan, np.nan]], equal_nan=True)


def test_too_many_coefficients_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_order, "TRACED", 3)
    fit = sgd(update="explicit")
    assert fit.known_learning().theta.shape[1] == 0
    assert not len(fit.plot.learning().data["names"])
    assert len(fit.plot.learning().png()) > 5_000
    with pytest.raises(ef.ExpfamError, match="too many"):
        fit.plot.learning("x")


@pytest.mark.parametrize("make", [sgd, lambda: learned(rows(3000)).fit, lambda: learned(rows(200)).fit])
def test_files_and_pickles_keep_the_way(make: Any, tmp_path: Path) -> None:
    """Bit for bit, and so the picture of a fit that was loaded; none of a stream whose first batch is not full."""
    fit = make()
    fit.save(tmp_path / "m.json")
    for other in (ef.load(tmp_path / "m.json"), pickle.loads(pickle.dumps(fit))):
        for name in ("rows", "weight", "loss", "theta", "se"):
            one, two = getattr(fit.known_learning(), name), getattr(other.known_learning(), name)
            assert np.array_equal(one, two, equal_nan=True), name
            assert one.dtype == two.dtype


def test_the_command_line_draws_it_without_rows(tmp_path: Path) -> None:
    sgd().save(tmp_path / "m.json")
    plot(tmp_path / "m.json", tmp_path / "gone.parquet", "learning", tmp_path / "p.png", "x")
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_damaged_and_older_files(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    sgd().save(path)
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "learning": {**plain["learning"], "theta": [[1.0]]}}))
    with pytest.raises(ef.ModelFileError, match="damaged"):
        ef.load(path)
    path.write_text(json.dumps({name: value for name, value in plain.items() if name not in ("learning", "digest")}))
    with pytest.raises(ef.ExpfamError, match="OnlineGLM"):
        ef.load(path).learning_curve()


def test_a_stream_and_its_fit_draw_the_same() -> None:
    model = learned(rows(5000), formula="y ~ x + g")
    one, two = model.plot_learning("x").data, model.fit.plot.learning("x").data
    assert all(np.array_equal(one[name], two[name]) for name in one)
    fading = learned(rows(3000), half_life=500.0)
    assert np.isnan(fading.learning_curve()["recent_loss"]).all()
    assert np.isfinite(fading.learning_curve()["loss"]).all()


def test_a_level_has_no_way_before_it_came() -> None:
    data = rows(5000)
    data["g"][:1000] = "a"
    way = learned(data, formula="y ~ g").fit.known_learning()
    early = way.rows < 1000
    assert np.isnan(way.theta[early, 1]).all()
    assert np.isfinite(way.theta[~early][1:, 1]).all()


def test_fits_that_read_all_rows_at_once_have_none() -> None:
    newton = ef.glm("y ~ x", part(counts(), 0, 300), family="poisson")
    for ask in (newton.learning_curve, newton.plot.learning):
        with pytest.raises(ef.ExpfamError, match=r"all rows at every step.*solver='sgd'"):
            ask()
    with pytest.raises(ef.ExpfamError, match="two batches"):
        sgd(data=part(counts(), 0, 200)).plot.learning()
    with pytest.raises(ef.ExpfamError, match="no coefficient 'q'"):
        sgd().plot.learning("q")


@pytest.mark.parametrize("batch", [None, 50_000])
def test_many_rows_begin_with_all_that_are_kept_in_an_order_that_threads_do_not_change(batch: int | None) -> None:
    """Every row once: for Gaussian means a pass is the exact fit, but for its pseudo-rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(AT_HAND + 77, 2))
    y = X @ [0.5, -1.0] + np.linspace(0.0, 3.0, len(X)) + rng.normal(size=len(X))
    found = []
    for count in (1, 2, 3):
        with ef.threads(count):
            found.append(ef.glm_arrays(X, y, solver=ef.SGD(batch=batch)))
    exact = ef.glm_arrays(X, y)
    assert found[0].known_learning().rows[0] == (FEW if batch is None else batch)
    assert found[0].known_learning().rows[-1] == len(X)
    assert np.abs((found[0].coef - exact.coef) / exact.se).max() < 1e-3
    for other in found[1:]:
        np.testing.assert_array_equal(other.coef, found[0].coef)
