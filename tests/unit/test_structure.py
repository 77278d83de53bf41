"""The shape of the house: stages apart, no package of ours in the way of lm-eval's, a command that answers at once."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGES = ("generate", "train", "evaluate")
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "lm_eval", "matplotlib", "openai", "accelerate"}
HEAVY |= {"reasoning_gym"}
MODULES = [path for stage in STAGES for path in sorted((ROOT / stage).rglob("*.py"))]
CORE = sorted((ROOT / "kshot").glob("*.py"))


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_links_without_an_init(stage: str) -> None:
    assert (ROOT / "kshot" / stage).is_symlink()
    assert not (ROOT / stage / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_stages_never_import_one_another_nor_the_command(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    others = tuple(f"kshot.{stage}" for stage in STAGES if stage != own)
    assert not [name for name in imports(path) if name.startswith((*others, "kshot.cli"))]


def test_curation_never_imports_compose() -> None:
    """Composing uses the checks of curation, not the other way round."""
    modules = sorted((ROOT / "generate" / "curation").glob("*.py"))
    assert len(modules) > 4
    assert not [path for path in modules for name in imports(path) if name.startswith("kshot.generate.compose")]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_only_the_command_knows_the_stages(path: Path) -> None:
    if path.name != "cli":
        assert not [name for name in imports(path) if name.startswith(tuple(f"kshot.{stage}" for stage in STAGES))]


@pytest.mark.parametrize("path", [*MODULES, *CORE], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_the_package_evaluate_is_still_hugging_face_s() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import evaluate; evaluate.load"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["run", "--help"], ["ablate", "--help"]])
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


@pytest.mark.parametrize(("told", "wanted"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_told_otherwise(told: dict[str, str], wanted: str) -> None:
    """Set before torch is there, which reads it once."""
    code = "import os, sys, kshot.cli\nprint('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | told
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", wanted]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tells glibc what to do")
@pytest.mark.parametrize(("told", "kept"), [({}, True), ({"MALLOC_ARENA_MAX": "8"}, False)])
def test_freed_memory_is_kept_for_later_unless_told_otherwise(told: dict[str, str], kept: bool) -> None:
    """Blocks as large as those of a training step, in a thread: their pages come from the system once."""
    code = (
        "import resource, threading, kshot.cli\n"
        "def work():\n    for _ in range(20):\n        blocks = [bytearray(b'x') * (20 << 20) for _ in range(3)]\n"
        "for _ in range(2):\n    t = threading.Thread(target=work)\n    t.start()\n    t.join()\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize() >> 20)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | told
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    first, second = map(int, done.stdout.split())
    # The second thread's blocks come to 1200 MiB in all.
    assert (second - first < 120) == kept, done.stdout
