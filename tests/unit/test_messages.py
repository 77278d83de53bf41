"""The JSON of a request."""

from hypothesis import given
from hypothesis import strategies as st

from kshot.generate.teacher.messages import replace_surrogates, to_json
from kshot.generate.teacher.transport import parse_json


@given(st.text(st.characters(), max_size=20))
def test_to_json_encodes_any_text(text: str) -> None:
    assert parse_json(to_json({"b": text, "a": [text]})) == {
        "a": [replace_surrogates(text)],
        "b": replace_surrogates(text),
    }
