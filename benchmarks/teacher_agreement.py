"""Do greedy replies of the local teacher depend on their company? `teacher_agreement.py [--dtype bfloat16]`.

Asks the same requests twice in different orders, eight at a time, and counts the replies that differ.
"""

import argparse
import random
import tempfile
from pathlib import Path

from kshot.config import Config, ParaphraseConfig, TeacherConfig
from kshot.core.files import write_json
from kshot.generate.sources import select_sources
from kshot.generate.synthesis.paraphrase import plan_requests
from kshot.generate.teacher import local_server as local_teacher
from kshot.generate.teacher.cache import ReplyCache
from kshot.generate.teacher.client import make_client
from kshot.runtime import environment as quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--dtype", default=local_teacher.DTYPE)
    options = parser.parse_args()
    local_teacher.DTYPE = options.dtype
    asks = plan_requests(select_sources([], []), ParaphraseConfig(modes=["rephrase"], tasks=24), 1)
    replies: list[dict[str, str]] = []
    with quiet.quiet():
        for seed in (1, 2):
            requests = [ask.request for ask in asks]
            random.Random(seed).shuffle(requests)
            with tempfile.TemporaryDirectory() as folder:
                store = ReplyCache(Path(folder) / "replies.sqlite")
                asker = make_client(TeacherConfig(), Config().student, store, Path(folder))
                found = asker.ask(requests, f"asking, order {seed}")
                store.close()
            replies.append({request.prompt: reply.text for request, reply in zip(requests, found, strict=True)})
    differ = sum(replies[0][prompt] != replies[1][prompt] for prompt in replies[0])
    result = {"dtype": options.dtype, "replies": len(replies[0]), "differ": differ}
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
