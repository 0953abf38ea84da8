"""Who may import whom: reads the imports of every module and names each breach of the design."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("chex", "pipelines", "jobs", "serve")

ABOVE_PLAIN = {"chex.boxes", "chex.queries"}
MODEL_ROOMS = {"chex.model", "chex.losses", "chex.metrics"}
CHEX_ROOMS = ABOVE_PLAIN | MODEL_ROOMS | {"chex.inference", "chex.exports"}


def parts_of_chex() -> set[str]:
    return {"chex", *(f"chex.{path.stem}" for path in (ROOT / "chex").iterdir() if _is_module(path))} - {
        "chex.__init__"
    }


def _is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


# Every other part of chex is plain: records, the configurations, pixels, geometry, vocabulary … know no torch.
PLAIN = parts_of_chex() - CHEX_ROOMS
MAY_IMPORT = {
    "chex": {"chex.model"},  # late, so that `from chex import Chex` works
    **dict.fromkeys(PLAIN - {"chex"}, PLAIN),
    **dict.fromkeys(ABOVE_PLAIN | MODEL_ROOMS, PLAIN | ABOVE_PLAIN),
    "chex.inference": PLAIN | ABOVE_PLAIN | MODEL_ROOMS,
    "chex.exports": {"chex.records"},
    "pipelines": PLAIN | {"chex.boxes"},
    "jobs": parts_of_chex() | {"pipelines"},
    "serve": parts_of_chex() | {"pipelines"},
}
TORCH_FREE = sorted(PLAIN | {"chex.exports"})
HEAVY = ("torch", "ray", "mlflow", "transformers")


def modules() -> dict[str, Path]:
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports_of(module: str, source: str, package: bool, module_level: bool = False) -> set[str]:
    """The dotted names a module imports, anywhere in it or at module level only."""
    nodes = _executed_on_import(ast.parse(source)) if module_level else ast.walk(ast.parse(source))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".") if package else module.split(".")[:-1]
            origin = ".".join([*base[: len(base) - node.level + 1], *filter(None, [node.module])])
            origin = origin if node.level else node.module
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return found


def _executed_on_import(tree: ast.AST):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _executed_on_import(node)


def part_of(name: str) -> str:
    """The part a dotted name belongs to: a room, or a part of chex ("chex.boxes", "chex.model")."""
    if name == "chex.Chex":  # what `from chex import Chex` brings
        return "chex.model"
    room, _, rest = name.partition(".")
    if room != "chex" or not rest:
        return room
    part = rest.split(".")[0]
    return f"chex.{part}" if f"chex.{part}" in parts_of_chex() else "chex"


def breaches(module: str, source: str, package: bool) -> list[str]:
    """What one module imports although its room may not."""
    own = part_of(module)
    allowed = MAY_IMPORT[own]
    found = []
    for name in sorted(imports_of(module, source, package)):
        target = part_of(name)
        if own.startswith("chex") and name.split(".")[0] == "ray":
            found.append(f"{module} imports {name}: chex knows no Ray")
        if target.split(".")[0] not in ROOMS or target == own:
            continue
        if target in ("jobs", "serve"):
            found.append(f"{module} imports {name}: nobody imports {target}")
        elif target not in allowed:
            found.append(f"{module} imports {name}: {own} may not import {target}")
    return found


def test_every_room_imports_only_what_it_may():
    found = [
        breach
        for module, file in modules().items()
        for breach in breaches(module, file.read_text(encoding="utf-8"), file.name == "__init__.py")
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("chex.records", "import jobs.train", "nobody imports jobs"),
        (
            "chex.model.chex",
            "def late():\n    from chex.losses import matching",
            "chex.model may not import chex.losses",
        ),
        ("chex.losses.boxes", "from ..metrics import text", "chex.losses may not import chex.metrics"),
        ("chex.exports.fhir", "from chex.vocabulary import load", "chex.exports may not import chex.vocabulary"),
        ("chex.model.chex", "from ray import data", "chex knows no Ray"),
        ("pipelines.convert", "from chex import inference", "pipelines may not import chex.inference"),
        ("pipelines.convert", "from chex import Chex", "pipelines may not import chex.model"),
        ("pipelines.convert", "import serve", "nobody imports serve"),
        ("chex.pixels", "from chex import boxes", "chex.pixels may not import chex.boxes"),
    ],
)
def test_a_breach_is_seen(module, source, message):
    assert any(message in breach for breach in breaches(module, source, package=False))


def test_importing_chex_alone_does_not_import_the_model():
    source = (ROOT / "chex/__init__.py").read_text(encoding="utf-8")
    assert not imports_of("chex", source, package=True, module_level=True) & {"chex.model.chex.Chex"}


def test_what_is_allowed_is_no_breach():
    assert not breaches("jobs.train", "from chex.inference import session\nfrom pipelines import shards", package=False)
    assert not breaches("chex.model.chex", "import torch\nfrom chex.boxes import nms\nfrom . import attention", False)


def reached_at_import(start: str) -> dict[str, str]:
    """Top-level packages that importing `start` imports, directly or through the project, and the module that does."""
    known = modules()
    waiting, seen, reached = [start], set(), {}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        file = known[module]
        names = imports_of(module, file.read_text(encoding="utf-8"), file.name == "__init__.py", module_level=True)
        for name in [*names, module]:
            parts = name.split(".")
            if parts[0] in ROOMS:
                prefixes = [".".join(parts[: i + 1]) for i in range(len(parts))]
                waiting += [prefix for prefix in prefixes if prefix in known]
            else:
                reached.setdefault(parts[0], module)
    return reached


@pytest.mark.parametrize("part", [*TORCH_FREE, "pipelines"])
def test_plain_rooms_import_no_torch_even_indirectly(part):
    found = []
    for module in modules():
        if module == part or (part != "chex" and module.startswith(f"{part}.")):
            reached = reached_at_import(module)
            # pipelines runs on Ray and may import it; the model's libraries stay out everywhere
            heavy = [name for name in HEAVY if name in reached and not (part == "pipelines" and name == "ray")]
            found += [f"{module} reaches {name} through {reached[name]}" for name in heavy]
    assert not found, "\n" + "\n".join(found)


def test_importing_the_plain_rooms_loads_no_heavy_library():
    """The same, seen by Python itself: third-party packages might bring torch along."""
    code = f"import sys, {', '.join(TORCH_FREE)}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.split() == []


def test_no_import_goes_in_a_circle():
    """Between the project's modules, as far as it happens on import."""
    known = modules()
    graph = {}
    for module, file in known.items():
        names = imports_of(module, file.read_text(encoding="utf-8"), file.name == "__init__.py", module_level=True)
        targets = (name if name in known else name.rpartition(".")[0] for name in names)
        graph[module] = {name for name in targets if name in known and name != module}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            circle = path[path.index(module) :]
            pytest.fail(" -> ".join([*circle, module]))
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())
