"""Is the likelihood a parabola? The signed root of its profile along each coefficient, beside Wald's straight line."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.names import nearest
from expfam.errors import ExpfamError
from expfam.inference import wald
from expfam.inference.profile import traces
from expfam.inference.reduction import penalised
from expfam.pictures.grid import grid, split
from expfam.pictures.picture import Picture
from expfam.pictures.style import BLUE, MILD, OCHRE, PANELS, SOFT, THIN, Numbers, ink, percent, plain, shortened, ticked

if TYPE_CHECKING:
    from expfam.fit import Fit
    from expfam.pictures.plots import Pictures

STEPS = (0.5, 1.0, 1.5, 2.0, 2.5)
READ = (
    "Where the trace follows the dashed line the likelihood is a parabola and Wald's interval holds; where it bends "
    "away, trust the ends of the profile, marked where it crosses the dotted lines. It is worked out at a few heights "
    "and smooth between them."
)


def profile(
    plot: "Pictures", names: str | Sequence[str] | None = None, *, level: float = 0.95, data: Any = None
) -> Picture:
    """Do Wald's intervals hold? zeta = sign(theta - best) sqrt(2 rise / phi) of the profile of F, as R's profile.glm.

    names   coefficients ("class:name" for classes); by default all but intercepts, 12 at most

    A point costs a few reads of the rows. data: name (m,), zeta (s,), theta (m, s) where the profile has risen to zeta,
    NaN where it never does, estimate and std_error (m,), lower and upper (m,): the ends of the interval.
    """
    fit = plot.fit
    fit._likely("profile()")
    asked = _asked(fit, names)
    chosen = np.isin(np.arange(fit.estimate.size), asked[:PANELS])
    columns = np.asarray(fit.shaped(chosen.astype(float)).reshape(len(fit.names), -1).any(axis=1))
    reach = wald.critical(level, None)
    steps = np.unique([*STEPS, reach])
    here = plot.rows(data)
    here = here if fit.model.bias is None else penalised(here)
    ends = traces(here, fit.estimate, steps**2 * fit.dispersion / 2, columns)
    flat = np.stack([fit.flat(ends[..., k, side]) for side in (0, 1) for k in range(len(steps))])[:, asked[:PANELS]]
    flat = np.where(np.isfinite(flat), flat, np.nan)
    estimate, error = fit.flat(fit.coef)[asked[:PANELS]], fit.flat(fit.se)[asked[:PANELS]]
    at = int(np.flatnonzero(steps == reach)[0])
    found = {
        "name": np.array(fit.model.flat_names, dtype=object)[asked[:PANELS]],
        "zeta": np.concatenate([-steps[::-1], [0.0], steps]),
        "theta": np.concatenate([flat[: len(steps)][::-1], estimate[None], flat[len(steps) :]]).T,
        "estimate": estimate, "std_error": error, "lower": flat[at], "upper": flat[len(steps) + at],
    }  # fmt: skip
    note = "; ".join(_notes(fit, found, len(asked), level))
    drawing = partial(_draw, reach)
    return Picture("profile", "Profiles of the likelihood", note, READ, found, drawing, grid(len(asked[:PANELS]), 2.2))


def _asked(fit: "Fit", names: str | Sequence[str] | None) -> Any:
    """The numbers of the coefficients that are shown; ExpfamError for names that are not there or were left out."""
    every = fit.model.flat_names
    kept, separated = fit.flat(~np.isnan(fit.coef)), fit.flat(fit.separated)
    if names is None:
        finite = np.flatnonzero(kept & ~separated)
        if not len(finite):
            raise ExpfamError("every coefficient runs to infinity, so there is no profile to draw; see separation()")
        return np.array([j for j in finite if every[j].rpartition(":")[2] != "Intercept"] or finite)
    named = (names,) if isinstance(names, str) else tuple(names)
    for name in named:
        if name not in every or not kept[every.index(name)]:
            why = (
                "it was left out as a combination of earlier columns"
                if name in every
                else nearest(name, every, "coefficients")
            )
            raise ExpfamError(f"{name!r} is no coefficient with a profile: {why}")
        if separated[every.index(name)]:
            raise ExpfamError(f"{name!r} runs to infinity; confint(method='profile') gives the one end that it has")
    return np.array([every.index(name) for name in named])


def _notes(fit: "Fit", found: Numbers, count: int, level: float) -> Iterator[str]:
    yield f"upright: where {percent(level)} intervals end, at the dotted heights; dashed: Wald"
    if count > PANELS:
        yield f"the first {PANELS} of {count} coefficients"
    if fit.certificate.separated:
        yield f"{len(fit.certificate.separated)} that run to infinity left out"
    endless = [name for name, row in zip(found["name"], found["theta"], strict=True) if np.isnan(row).any()]
    if endless:
        yield f"without an end on one side: {', '.join(endless)}"


def _smooth(theta: FloatArray, zeta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A curve that rises as its points do, through all of them: monotone cubic pieces of theta along zeta."""
    from scipy.interpolate import PchipInterpolator

    if len(theta) < 3:
        return theta, zeta
    along = np.linspace(zeta[0], zeta[-1], THIN)
    return PchipInterpolator(zeta, theta)(along), along


def _draw(reach: float, figure: Any, data: Numbers) -> None:
    for k, axes in enumerate(split(figure, len(data["name"]), sharey=True)):
        theta, estimate, error = data["theta"][k], data["estimate"][k], data["std_error"][k]
        good = np.isfinite(theta)
        low, high = float(theta[good].min()), float(theta[good].max())
        room = 0.05 * (high - low) or 1.0
        line = np.array([low - room, high + room])
        if np.isfinite(error) and error > 0:
            axes.plot(line, (line - estimate) / error, "--", color=ink(), alpha=MILD, lw=1)
        for end, side in ((data["lower"][k], -reach), (data["upper"][k], reach)):
            axes.axhline(side, color=ink(), alpha=SOFT, lw=0.8, ls=":")
            axes.vlines(end, -3.2, side, color=OCHRE, lw=1)
        axes.plot(*_smooth(theta[good], data["zeta"][good]), color=BLUE)
        axes.plot(estimate, 0.0, "o", color=BLUE, ms=4, mew=0)
        axes.set(xlim=tuple(line), ylim=(-3.0, 3.0))
        axes.set_title(plain(shortened(data["name"][k], 36)))
        ticked(axes.xaxis)
        axes.xaxis.get_major_locator().set_params(nbins=5)
        ticked(axes.yaxis)
    figure.supylabel("signed root of twice the rise, \N{GREEK SMALL LETTER ZETA}", fontsize=9)
