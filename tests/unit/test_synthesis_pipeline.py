"""The synthesis pipeline: replies of finished data sets are taken over."""

from pathlib import Path

from kshot.config import Config
from kshot.generate.synthesis.pipeline import inherit_replies
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.messages import Reply


def test_inherit_replies_copies_those_of_other_data_sets_where_a_teacher_is_named(tmp_path: Path) -> None:
    for name, keys in (("one", "ab"), ("two", "bc")):
        (tmp_path / name).mkdir()
        cache = ReplyCache(tmp_path / name / "replies.sqlite")
        cache.put_all([(key, {}, Reply(f"{key} of {name}", "stop", 3, 4, cost=0.5)) for key in keys])
        cache.close()
    others = [tmp_path / "one", tmp_path / "two", tmp_path / "none"]
    inherit_replies(Config(), tmp_path / "new", others)
    inherit_replies(Config(), tmp_path / "new", others)
    cache = ReplyCache(tmp_path / "new" / "replies.sqlite")
    assert {key: reply.text for key, reply in cache.find(["a", "b", "c"]).items()} == {
        "a": "a of one", "b": "b of one", "c": "c of two",
    }  # fmt: skip
    assert (cache.sum_costs().requests, cache.sum_costs().tokens, cache.sum_costs().money) == (3, 21, 1.5)
    cache.close()
    no_teacher = Config().model_copy(update={"generate": Config().generate.model_copy(update={"teacher": None})})
    inherit_replies(no_teacher, tmp_path / "none_asked", others)
    assert not (tmp_path / "none_asked").exists()
