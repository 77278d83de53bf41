"""Every kind of teacher gives the data of a plain one, in every mode."""

import pytest

from tests.teachers import MODES, TEACHERS, teacher_cells


@pytest.mark.parametrize("name", TEACHERS)
def test_every_teacher_gives_the_data_of_a_plain_one(name: str) -> None:
    cells = teacher_cells([name])
    assert [cell.mode for cell in cells] == list(MODES)
    assert [cell for cell in cells if cell.verdict != "right"] == []
