"""Families of a user's own: registered in Python, in a file that a config names, or by an installed package."""

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from kshot.cli import guarded
from kshot.config import Config, GenerateConfig
from kshot.config.loader import load_config
from kshot.core.errors import ConfigError, DataError
from kshot.core.runs import Run
from kshot.generate.bank import FAMILIES
from kshot.generate.sources import all_sources, family_sources, find_source, select_sources
from kshot.generate.stage import cache_key, run_generate
from kshot.tasks import registry
from kshot.tasks.family import Family, Problem
from kshot.tasks.registry import load_entry_points, load_family_file, register_family, registered_families
from kshot.tasks.source import source_from_family

TEXTS = ("Name its class: letter or parcel.", "Is it a letter or a parcel?", "Letter or parcel, which is it?")
FILE = """
from random import Random

from kshot.tasks.family import Family, Params, Problem
from kshot.tasks.registry import register_family


def sample(rng: Random, params: Params) -> Problem:
    low, high = ((5, 499), (500, 30000))[rng.randint(0, 1)]
    grams = rng.randint(low, high)
    return Problem(f"A consignment of {grams} grams.", grams)


register_family(
    Family(
        id="consignment_class",
        category="logistics",
        descriptions=("Name its class: letter or parcel.", "Is it a letter or a parcel?", "Letter or parcel?"),
        sample=sample,
        solve=lambda grams, params: "letter" if grams < 500 else "parcel",
        anchors=(("letter",), ("parcel",)),
        labels=lambda params: ("letter", "parcel"),
    )
)
"""


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for name in ("_registered", "_loaded_files", "_loaded_entry_points"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


def family(**changes: object) -> Family:
    values: dict[str, object] = {
        "id": "own_family",
        "category": "own",
        "descriptions": TEXTS,
        "sample": lambda rng, params: Problem(f"{rng.randint(1, 999)} grams", "letter"),
        "solve": lambda facts, params: facts,
        "anchors": (("letter",),),
    }
    return Family(**(values | changes))  # type: ignore[arg-type]


def written(folder: Path, text: str = FILE, name: str = "my_families.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_register_family_makes_it_a_source_beside_the_shipped_ones() -> None:
    assert register_family(family()) in registered_families()
    names = [source.id for source in family_sources([])]
    assert names == [*(shipped.id for shipped in FAMILIES), "own_family"]
    assert [source.id for source in family_sources(["own"])] == ["own_family"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"id": "Own-Family"}, "snake_case"),
        ({"id": "9_lives"}, "snake_case"),
        ({"descriptions": TEXTS[:2]}, "at least 3 different descriptions"),
        ({"descriptions": (TEXTS[0],) * 3}, "at least 3 different descriptions"),
        ({"descriptions": TEXTS[0]}, "at least 3 different descriptions"),
        ({"category": " "}, "the category is empty"),
        ({"id": "plural_form"}, "registered already"),
        ({"id": "held_out_one"}, "held-out family"),
    ],
)
def test_register_family_refuses_with_the_reason(changes: dict[str, object], fault: str) -> None:
    before = registered_families()
    with pytest.raises(ConfigError, match=fault):
        register_family(family(**changes), held_out=["held_out_one"])
    assert registered_families() == before


def test_register_family_refuses_a_second_family_of_an_id() -> None:
    register_family(family())
    with pytest.raises(ConfigError, match="'own_family': the id is registered already"):
        register_family(family())


def test_load_family_file_returns_its_families_and_leaves_the_registry_alone(tmp_path: Path) -> None:
    before = registered_families()
    (own,) = load_family_file(written(tmp_path))
    assert (own.id, own.category) == ("consignment_class", "logistics")
    assert load_family_file(tmp_path / "my_families.py") == (own,), "the same content is not run again"
    assert registered_families() == before
    written(tmp_path, FILE.replace("consignment_class", "consignment_kind"))
    assert [changed.id for changed in load_family_file(tmp_path / "my_families.py")] == ["consignment_kind"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\nraise ValueError('no\\nluck')\n", ":2: ValueError: no luck"),
        ("def broken(:\n", ":1: SyntaxError: "),
        ("import no_such_module\n", ":1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import sys\nsys.exit(3)\n", ":2: SystemExit: 3"),
        ("x = 1\n", "registers no family"),
        (FILE.replace("consignment_class", "plural_form"), ":14: family 'plural_form': the id is registered already"),
        (FILE.replace('"Letter or parcel?"', '"Is it a letter or a parcel?"'), "at least 3 different descriptions"),
        (FILE.replace('"Letter or parcel?"', '"Letter or {thing}?"'), "KeyError: 'thing'"),
        (FILE.replace("grams < 500", "grams['x'] < 500"), ":20: TypeError: 'int' object is not subscriptable"),
        (FILE.replace('params: ("letter", "parcel")', 'params: ("a", "b")'), "which is none of its labels"),
        (FILE.replace('else "parcel"', "else 7"), "solve must return a text that is not empty, found 7"),
    ],
)  # fmt: skip
def test_load_family_file_reports_an_error_in_one_line(
    tmp_path: Path, text: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)
    assert guarded(lambda: load_family_file(path)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert fault in line


def test_load_family_file_names_a_missing_file_and_a_held_out_family(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.py: cannot read"):
        load_family_file(tmp_path / "none.py")
    path = written(tmp_path)
    assert load_family_file(path)
    with pytest.raises(ConfigError, match="'consignment_class' is held out"):
        load_family_file(path, held_out={"consignment_class"})


def test_two_files_with_a_family_of_one_id_are_refused(tmp_path: Path) -> None:
    files = [written(tmp_path), written(tmp_path, FILE + "\n", "other.py")]
    with pytest.raises(DataError, match="task id used twice: consignment_class"):
        select_sources([], files)


def test_a_config_takes_family_files_relative_to_itself_beside_ids_and_categories(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "c.yaml"
    path.write_text("generate: {families: [./my_families.py, morphology]}\n")
    names = load_config(path).generate.families
    assert names == [str(tmp_path / "my_families.py"), "morphology"]
    categories = {source.category for source in family_sources(names)}
    assert categories == {"logistics", "morphology"}
    own_only = family_sources([*names[:1], "consignment_class"])
    assert [source.id for source in own_only] == ["consignment_class"]
    assert len(family_sources(names[:1])) == len(FAMILIES) + 1
    with pytest.raises(ConfigError, match="did you mean 'consignment_class'"):
        family_sources([*names[:1], "consignment_clas"])


def run_of(folder: Path, path: Path) -> Config:
    settings = GenerateConfig(families=[str(path), "consignment_class"], records=40, teacher=None, decontaminate=[])
    config = Config(generate=settings)
    run_generate(config, Run(folder / "run"))
    return config


def test_the_stage_makes_records_of_a_family_file_and_again_when_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path)
    config = run_of(tmp_path, path)
    folder = tmp_path / "run" / "generate"
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 40
    assert {row["meta"]["family"] for row in rows} == {"consignment_class"}
    assert {row["meta"]["verified_by"] for row in rows} == {"solver"}
    shown = [row["meta"]["query"] for row in rows if not row["meta"]["symbol_tuned"]]
    assert all((int(query["input"].split()[3]) < 500) == (query["output"] == "letter") for query in shown)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sum(manifest["labels"]["consignment_class"].values()) == 40
    run_of(tmp_path, path)
    assert "nothing to do" in capsys.readouterr().out
    key = cache_key(config)
    written(tmp_path, FILE.replace("A consignment of", "A shipment of"))
    assert cache_key(config) != key
    run_of(tmp_path, path)
    assert "A shipment of" in (folder / "train.jsonl").read_text()


def test_the_stage_refuses_a_family_that_a_suite_holds_out(tmp_path: Path) -> None:
    path = written(tmp_path, FILE.replace("consignment_class", "review_sentiment"))
    settings = GenerateConfig(families=[str(path)], records=40, teacher=None, decontaminate=["kshot"])
    with pytest.raises(ConfigError, match="'review_sentiment' is held out"):
        run_generate(Config(generate=settings), Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_catalog_knows_the_families_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert "consignment_class" in {source.id for source in all_sources([path])}
    assert find_source("consignment_class", [path]).category == "logistics"


def test_an_error_in_a_family_while_records_are_drawn_names_family_and_line() -> None:
    def sample(rng: Random, params: object) -> Problem:
        raise ValueError("no more")

    source = source_from_family(family(sample=sample))
    with pytest.raises(DataError, match=r"family 'own_family': .*test_registry\.py:\d+: ValueError: no more"):
        source.sample_examples(Random(1), {}, 2, ())


class FakeEntryPoint:
    """An entry point of an installed package; `load` returns what the package holds there."""

    def __init__(self, load: Callable[[], object]) -> None:
        self.load, self.name, self.value, self.dist = load, "fake", "fake_package.families", None


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    def install(load: Callable[[], object]) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: [FakeEntryPoint(load)])

    return install


def _registers() -> None:
    register_family(family())


def _registers_and_returns() -> Family:
    return register_family(family())


def _module() -> ModuleType:
    register_family(family())
    return ModuleType("fake_package.families")


@pytest.mark.parametrize(
    "load",
    [family, lambda: [family()], lambda: _registers, lambda: _registers_and_returns, _module, lambda: family],
    ids=["family", "list", "function that registers", "function that does both", "module", "function that returns"],
)
def test_entry_points_register_their_families_once(
    load: Callable[[], object], install: Callable[[Callable[[], object]], None]
) -> None:
    install(load)
    load_entry_points()
    load_entry_points()
    assert [own.id for own in registered_families()].count("own_family") == 1
    assert "own_family" in {source.id for source in family_sources([])}


def test_a_broken_entry_point_is_one_line_and_registers_nothing(
    install: Callable[[Callable[[], object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> object:
        register_family(family())
        raise ImportError("no such thing")

    before = registered_families()
    for broken, fault in (
        (load, "ImportError: no such thing"),
        (lambda: "text", "expected a Family"),
        (lambda: 3, "3"),
    ):
        install(broken)
        assert guarded(load_entry_points) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "fake_package.families (entry point 'fake' of" in line
        assert fault in line
        assert registered_families() == before


def test_a_package_with_a_held_out_family_is_refused(install: Callable[[Callable[[], object]], None]) -> None:
    install(family)
    load_entry_points()
    with pytest.raises(ConfigError, match="'own_family' is held out"):
        load_entry_points(held_out=["own_family"])


def test_entry_point_versions_name_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("fake", "fake_package.families", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert registry.entry_point_versions() == {"an unknown package": ""}
