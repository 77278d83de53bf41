"""Every setting of `train` acts or is refused; every honoured one has a value that acts."""

import pytest

from kshot.train.settings import LORA_SETTINGS, SFT_SETTINGS
from tests.settings import ACTS, HOSTILE, NEED_GPU, REFUSED, SETTINGS, try_setting


def test_settings_have_a_value_that_acts_for_each_honoured_one() -> None:
    tried = {
        (section, key)
        for name, values in SETTINGS.items()
        for value, expected in values
        if expected == ACTS
        for section, _, single in [name.partition(".")]
        for key in ([single] if single else value)
    }
    for section, table in (("sft", SFT_SETTINGS), ("lora", LORA_SETTINGS)):
        honoured = {(section, name) for name, setting in table.items() if setting.status == "honoured"}
        assert honoured
        assert not honoured - tried - NEED_GPU


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_acts_or_is_refused(name: str) -> None:
    for value, expected in SETTINGS[name]:
        cell = try_setting(name, value, expected)
        assert cell.got == expected, cell


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "name"),
    [
        (section, name)
        for section, table in (("sft", SFT_SETTINGS), ("lora", LORA_SETTINGS))
        for name, setting in table.items()
        if setting.status == "honoured"
    ],
)
def test_a_hostile_value_is_refused_in_a_line_or_trained_with(section: str, name: str) -> None:
    for value in HOSTILE:
        cell = try_setting(f"{section}.{name}", value, REFUSED)
        assert cell.got in (ACTS, REFUSED, "ignored"), cell  # Ignored: it says what happens anyway.
