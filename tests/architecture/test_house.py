"""The rules of docs/architecture.md, read from the source: imports point down, rooms stay small, nothing mutates."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import expfam

SOURCE = Path(expfam.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

LAYERS = (
    ("errors", "elsewhere", "_typing", "_remembers", "declared", "parallel", "progress"),
    ("outputs", "spelled"),
    ("families",),
    ("links",),
    ("kernels",),
    ("response", "recession"),
    ("design",),
    ("penalties",),
    ("information",),
    ("objective",),
    ("aggregate",),
    ("solvers",),
    ("data",),
    ("formula",),
    ("target",),
    ("source",),
    ("matrix", "terms"),
    ("model",),
    ("nuisance",),
    ("inference",),
    ("diagnostics",),
    ("pictures",),
    ("report",),
    ("fit",),
    ("modelfile",),
    ("fitting",),
    ("revision",),
    ("front",),
    ("stream",),
    ("streamfile",),
    ("online",),
    ("explanation", "explanations", "portfolio", "warming"),
    ("cli", "__main__"),
)
DEPTH = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

LINES, BODY, PARAMETERS, INHERITANCE = 400, 40, 8, 2
FRONTS = {"glm", "glm_arrays", "predict"}
"""Public fronts whose keyword-only options may pass the parameter budget; commands of the CLI are options by nature."""


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def eager(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported or called, TYPE_CHECKING blocks left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.stmt):
            yield child
        yield from eager(child)


def imports(path: Path) -> set[str]:
    found = set()
    for node in eager(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "expfam":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("expfam.")}
    return found - {"__version__"}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            yield node


def test_every_room_has_a_place() -> None:
    assert {room(path) for path in FILES} - {"__init__"} <= set(DEPTH)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return  # the index of public names, all lazy
    above = {name for name in imports(path) if DEPTH[name] > DEPTH[room(path)]}
    allowed = {"modelfile", "revision"} if path.name == "fit.py" else set()  # what builds fits: Fit.save, Fit.step
    assert above <= allowed, f"{path.name} imports {above} from above"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        size = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
        assert size <= BODY, f"{path.name}:{function.name} has {size} lines"
        arguments = function.args
        count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
        first = (arguments.posonlyargs + arguments.args)[:1]
        count -= bool(first) and first[0].arg in ("self", "cls")
        front = function.name in FRONTS or room(path) in ("cli", "online")
        assert front or count <= PARAMETERS, f"{path.name}:{function.name} has {count} parameters"


def test_classes_are_shallow_and_abstract_or_final() -> None:
    bases: dict[str, set[str]] = {}
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases}

    def depth(name: str) -> int:
        return max((1 + depth(base) for base in bases[name] if base in bases), default=0)

    errors = {name for name in bases if name.endswith(("Error", "Warning"))}
    deep = {name: depth(name) for name in bases.keys() - errors if depth(name) > INHERITANCE}
    assert not deep


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_dataclasses_are_frozen_and_nothing_sets_attributes(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            for mark in node.decorator_list:
                text = ast.unparse(mark)
                if "dataclass" in text:
                    assert "frozen=True" in text, f"{path.name}:{node.name} is not frozen"
                    assert "slots=True" in text, f"{path.name}:{node.name} has no slots"
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            owner = ast.unparse(target.value) if isinstance(target, ast.Attribute) else ""
            shell = path.name == "online.py" and ast.unparse(target) == "self._stream"  # a name for the latest stream
            assert shell or owner not in ("self", "cls"), f"{path.name}:{target.lineno} sets {ast.unparse(target)}"


def test_there_is_one_loop() -> None:
    """`while` lives in solvers/loop.py alone."""
    loops = {
        str(path.relative_to(SOURCE)) for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.While)
    }
    assert loops == {"solvers/loop.py"}


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_is_light() -> None:
    heavy = ("pandas", "numba", "sklearn", "matplotlib", "scipy", "pyarrow", "formulaic", "numpy", "polars", "rich")
    code = f"import sys, expfam; print([m for m in {heavy} if m in sys.modules])"
    assert fresh(code) == "[]"


def test_import_takes_only_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import expfam; "
        "roots = {m.split('.')[0] for m in set(sys.modules) - before}; print(roots - sys.stdlib_module_names)"
    )
    assert fresh(code) == "{'expfam'}"


def test_small_arrays_never_load_numba_or_pandas() -> None:
    code = (
        "import sys, numpy as np, expfam as ef; X = np.arange(20.).reshape(10, 2) % 7; "
        "ef.glm_arrays(X, X @ [1., 2.] + np.arange(10) % 3); "
        "print([m for m in ('numba', 'pandas') if m in sys.modules])"
    )
    assert fresh(code) == "[]"


def test_polars_does_not_import_pandas_before_a_formula() -> None:
    pytest.importorskip("polars")
    code = (
        "import sys, polars as pl; from expfam.data.table import read; "
        "t = read(pl.DataFrame({'g': ['a', 'b'], 'x': [1.0, 2.0]})); t.column('g'); print('pandas' in sys.modules)"
    )
    assert fresh(code) == "False"


def test_public_names_are_listed_and_exist() -> None:
    assert set(expfam._HOMES) | {"__version__"} == set(expfam.__all__)
    for name in expfam.__all__:
        assert getattr(expfam, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = expfam.nothing


def test_no_module_hides_a_public_function() -> None:
    modules = {path.stem for path in SOURCE.glob("*.py")} | {p.name for p in SOURCE.iterdir() if p.is_dir()}
    assert modules & set(expfam.__all__) == {"errors", "families", "links"}
