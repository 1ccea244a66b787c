"""On what was it measured, and when?"""

import os
import platform
import shutil
import subprocess
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("expfam", "numpy", "scipy", "numba", "pandas", "pyarrow")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
IN_R = {"R": "stats", "glmnet": "glmnet"}
"""Competitors that live in R, and the R package that each needs."""


def cpu() -> str:
    """The model of the processor and how many cores this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{next(models, platform.processor() or platform.machine())}, {cores} cores"


def load() -> str:
    """How busy the machine is: a load above zero before the start makes seconds worthless."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def versions(extra: tuple[str, ...] = ()) -> str:
    """Python and the packages that matter."""
    return ", ".join([f"Python {platform.python_version()}", *(_version(p) for p in (*PACKAGES, *extra))])


def head(extra: tuple[str, ...] = ()) -> str:
    """Day, machine and versions in one line."""
    return f"{date.today()}, {cpu()}, {load()} at the start; {versions(extra)}"


def installed(package: str) -> bool:
    """Can this competitor run here?"""
    return _r_version(IN_R[package]) != "" if package in IN_R else find_spec(package) is not None


@cache
def _r_version(package: str) -> str:
    """The version of an R package, "" where R or the package is absent."""
    if shutil.which("Rscript") is None:
        return ""
    code = f'cat(suppressWarnings(packageDescription("{package}", fields = "Version")))'
    told = subprocess.run(
        ["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "" if told == "NA" else told


def _version(package: str) -> str:
    if package in IN_R:
        return f"{package} {_r_version(IN_R[package]) or 'absent'}"
    name = DISTRIBUTIONS.get(package, package)
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} absent"
