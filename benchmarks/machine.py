"""On what was it measured?"""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("expfam", "numpy", "scipy", "numba", "pandas", "pyarrow")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


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


def installed(package: str) -> bool:
    """Can this competitor run here?"""
    return find_spec(package) is not None


def _version(package: str) -> str:
    name = DISTRIBUTIONS.get(package, package)
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} absent"
