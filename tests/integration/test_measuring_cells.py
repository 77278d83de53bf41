"""What cannot be loaded is refused in one line, and each architecture is measured as one prompt at a time."""

from pathlib import Path

import pytest

from tests.measuring_cells import ARCHITECTURES, BROKEN, loader_cells, scorer_cells


def test_a_folder_whose_parts_do_not_belong_together_is_refused_with_the_name(
    tiny_student: Path, tmp_path: Path
) -> None:
    cells = list(loader_cells(tiny_student, tmp_path))
    assert len(cells) == len(BROKEN)
    assert [got for _, _, got in cells] == [expected for _, expected, _ in cells]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_is_measured_as_one_prompt_at_a_time(name: str, tiny_student: Path) -> None:
    cells = list(scorer_cells(tiny_student, (name,)))
    assert [got for _, _, got in cells] == [expected for _, expected, _ in cells]
