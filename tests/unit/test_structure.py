"""The structure of the house, read from the syntax trees: floors, packages, sizes, names, and what a start loads.

    cli, api
    view                                which reads what generate wrote
    generate, train, evaluate           which never import one another
    chat, serving
    tasks, suites, models, sweep, project
    config, runtime
    core

Imports point down. `kshot/generate`, `kshot/train` and `kshot/evaluate` are links to the folders of the stages.
"""

import ast
import inspect
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import kshot

ROOT = Path(__file__).parents[2]
STAGES = ("generate", "train", "evaluate")
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "lm_eval", "matplotlib", "openai", "accelerate"}
HEAVY |= {"reasoning_gym", "datatrove", "ray"}
FLOORS = [
    {"core"},
    {"config", "runtime"},
    {"tasks", "suites", "models", "sweep", "project", "hub"},
    {"chat", "serving"},
    set(STAGES),
    {"view", "planning"},
    {"cli", "api", "__init__"},
]
"""From the ground up."""
NEEDS = {
    "core": set(),
    "config": {"core"},
    "runtime": {"core"},
    "tasks": {"core"},
    "project": {"config", "suites", "runtime", "core"},
    "suites": {"core"},
    "models": {"config", "runtime", "core"},
    "sweep": {"config", "runtime", "core"},
    "serving": {"models", "core"},
    "chat": {"tasks", "suites", "project", "models", "config", "runtime", "core"},
    "view": {"generate", "core"},
}
"""What the rooms beside the stages may import beside themselves."""
VIEW_READS = {"kshot.generate.run_files", "kshot.generate.curation.decisions"}
"""What the page knows of the stage: its files and a person's decisions, nothing that makes data."""
MAX_LINES = 400
MAX_MODULES = 15
MAX_UNTYPED = 8
"""`dict[str, Any]` in evaluate/: at the borders to lm-eval and in the config's own free sections."""


def _paths() -> Iterator[Path]:
    for top in ("kshot", *STAGES):
        for path in sorted((ROOT / top).rglob("*.py")):
            # Not through the links: these files are found in their own folders.
            if top != "kshot" or path.relative_to(ROOT / top).parts[0] not in STAGES:
                yield path


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "kshot" else ("kshot", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in _paths()}
FOLDERS = sorted({path.parent for path in MODULES.values()})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(node: ast.AST, at_runtime: bool = False) -> Iterator[str]:
    """Full names of what is imported, also inside functions; `at_runtime` leaves out what is for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if at_runtime and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from imports(other, at_runtime)
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "imports are absolute"
            yield from (_imported(str(child.module), alias.name) for alias in child.names)
        yield from imports(child, at_runtime)


def _imported(module: str, name: str) -> str:
    """The module that `from module import name` reads: the name's own if it is one."""
    full = f"{module}.{name}"
    return full if full in MODULES or any(other.startswith(f"{full}.") for other in MODULES) else module


def room(module: str) -> str:
    """The part of a module's name below `kshot`."""
    return module.split(".")[1] if "." in module else "__init__"


def package(module: str) -> str:
    """The folder of a module; a module at the root of kshot or of a stage, which hold no code, stands for itself."""
    if module not in MODULES or MODULES[module].name == "__init__.py":
        return module
    folder = module.rpartition(".")[0]
    return module if folder == "kshot" or folder.removeprefix("kshot.") in STAGES else folder


def test_the_structure_tests_see_the_modules() -> None:
    assert {room(module) for module in MODULES} == set().union(*FLOORS)
    assert len(MODULES) > 150
    assert "kshot.core.files" in set(imports(tree_of(MODULES["kshot.core.runs"])))


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_links_without_an_init(stage: str) -> None:
    assert (ROOT / "kshot" / stage).is_symlink()
    assert not (ROOT / stage / "__init__.py").exists()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_a_higher_floor(module: str) -> None:
    height = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    for name in imports(tree_of(MODULES[module])):
        if name == "kshot" or name.startswith("kshot."):
            assert height[room(name)] <= height[room(module)], f"{module} imports {name}"


def test_curation_never_imports_compose() -> None:
    """Composing uses the checks of curation, not the other way round."""
    modules = sorted((ROOT / "generate" / "curation").rglob("*.py"))
    assert len(modules) > 4
    assert not [
        path for path in modules for name in imports(tree_of(path)) if name.startswith("kshot.generate.compose")
    ]


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) == "view"])
def test_the_page_reads_files_and_decisions_only(module: str) -> None:
    read = [name for name in imports(tree_of(MODULES[module])) if name.startswith("kshot.generate")]
    assert [name for name in read if name not in VIEW_READS and name.rpartition(".")[0] not in VIEW_READS] == []


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in NEEDS])
def test_rooms_beside_the_stages_import_only_what_they_may(module: str) -> None:
    allowed = NEEDS[room(module)] | {room(module)}
    for name in imports(tree_of(MODULES[module])):
        assert not name.startswith("kshot.") or room(name) in allowed, f"{module} imports {name}"


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in STAGES])
def test_stages_never_import_one_another(module: str) -> None:
    others = set(STAGES) - {room(module)}
    for name in imports(tree_of(MODULES[module])):
        assert not name.startswith("kshot.") or room(name) not in others, f"{module} imports {name}"


def test_modules_import_one_another_in_no_circle() -> None:
    """Also inside functions, where Python would let a circle pass."""
    graph = {module: set(imports(tree_of(path), at_runtime=True)) & set(MODULES) for module, path in MODULES.items()}
    folders = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert find_circle({module: targets - folders for module, targets in graph.items() if module not in folders}) == []


def test_packages_import_one_another_in_no_circle() -> None:
    graph: dict[str, dict[str, str]] = defaultdict(dict)
    for module, path in MODULES.items():
        for name in imports(tree_of(path), at_runtime=True):
            if name.startswith("kshot.") and package(name) != package(module):
                graph[package(module)].setdefault(package(name), f"{module} -> {name}")
    assert len(graph) > 15
    assert find_circle({source: set(targets) for source, targets in graph.items()}) == []


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """The packages of a circle, in the order of their imports; empty where there is none."""
    finished: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return []
        for target in sorted(graph.get(node, ())):
            if circle := visit(target, [*path, node]):
                return circle
        finished.add(node)
        return []

    return next((circle for node in sorted(graph) if (circle := visit(node, []))), [])


def test_find_circle_finds_one() -> None:
    assert find_circle({"a": {"b", "d"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_generate_knows_no_held_out_family() -> None:
    for module, path in MODULES.items():
        if room(module) == "generate":
            held_out = [name for name in imports(tree_of(path)) if name.startswith("kshot.evaluate.heldout")]
            assert not held_out, module
        if module.startswith("kshot.generate.bank"):
            assert "kshot.evaluate" not in path.read_text(), module


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_folder_says_what_it_holds(folder: Path) -> None:
    init = folder / "__init__.py"
    if folder.parent == ROOT and folder.name in STAGES:
        init = folder / "stage.py"
    assert ast.get_docstring(tree_of(init)), f"{init} has no docstring"


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_folders_hold_few_modules(folder: Path) -> None:
    modules = [path for path in MODULES.values() if path.parent == folder and path.name != "__init__.py"]
    # A module a category of families.
    if folder != ROOT / "generate" / "bank":
        assert len(modules) <= MAX_MODULES


@pytest.mark.parametrize("path", MODULES.values(), ids=name_of)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_public_class_names_are_unique() -> None:
    places = defaultdict(list)
    for module, path in MODULES.items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    assert len(places) > 100
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_evaluate_passes_few_untyped_dictionaries() -> None:
    counts = Counter(
        {
            module: path.read_text().count("dict[str, Any]")
            for module, path in MODULES.items()
            if room(module) == "evaluate"
        }
    )
    assert counts.total() <= MAX_UNTYPED, counts.most_common(5)


def test_public_api_is_sorted_and_importable() -> None:
    assert kshot.__all__ == sorted(kshot.__all__)
    missing = [name for name in kshot.__all__ if not hasattr(kshot, name)]
    assert missing == []
    assert set(kshot.__all__) <= set(dir(kshot))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_package_is_also_its_function(stage: str) -> None:
    from kshot import api

    package_ = getattr(kshot, stage)
    assert inspect.ismodule(package_)
    assert callable(package_)
    assert "config" in inspect.signature(getattr(api, stage)).parameters
    with pytest.raises(TypeError, match="config"):
        package_()


def test_the_package_evaluate_is_still_hugging_face_s() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import evaluate; evaluate.load"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["generate", "--help"],
        ["run", "--help"],
        ["ablate", "--help"],
        ["view", "--help"],
        ["chat", "--help"],
        ["serve", "--help"],
    ],
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['kshot', *sys.argv[1:]]\n"
        "from kshot.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rsplit("LOADED", 1)[1].split())
    assert "kshot" in loaded
    assert not loaded & HEAVY
    assert "Usage" in done.stdout


def test_importing_kshot_loads_no_heavy_library() -> None:
    code = "import sys, kshot\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "kshot" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(given: dict[str, str], expected: str) -> None:
    """Set before torch is imported, which reads it once."""
    code = "import os, sys, kshot.cli\nprint('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | given
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", expected]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sets an option of glibc")
@pytest.mark.parametrize(("given", "is_kept"), [({}, True), ({"MALLOC_ARENA_MAX": "8"}, False)])
def test_freed_memory_is_kept_for_later_unless_the_user_says_otherwise(given: dict[str, str], is_kept: bool) -> None:
    """Blocks as large as those of a training step, in a thread: their pages come from the system once."""
    code = (
        "import resource, threading, kshot.cli\n"
        "def work():\n    for _ in range(20):\n        blocks = [bytearray(b'x') * (20 << 20) for _ in range(3)]\n"
        "for _ in range(2):\n    t = threading.Thread(target=work)\n    t.start()\n    t.join()\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize() >> 20)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | given
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    first, second = map(int, done.stdout.split())
    # The second thread's blocks come to 1200 MiB in all.
    assert (second - first < 120) == is_kept, done.stdout
