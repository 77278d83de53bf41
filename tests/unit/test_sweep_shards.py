"""The order in which trials go in shards."""

from pathlib import Path

from kshot.sweep.shards import _order_trials
from tests.unit.test_grid import grid_of


def test_the_first_trial_goes_alone_and_the_first_of_each_student_and_device_before_the_others(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, "", "student=[a,b]", "train.dtype=[float32,bfloat16]", seeds="1,2")
    levels = _order_trials(grid.trials)
    names = [[grid.trials[number].label for number in level] for level in levels]
    assert [len(level) for level in levels] == [1, 1, 2, 4]
    assert names[0] == ["student=a_dtype=float32_seed=1"]
    assert names[1] == ["student=b_dtype=float32_seed=1"]
    assert names[2] == ["student=a_dtype=bfloat16_seed=1", "student=b_dtype=bfloat16_seed=1"]
    assert sorted(number for level in levels for number in level) == list(range(8))
