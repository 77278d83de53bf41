"""Do greedy replies of the local teacher depend on the batch? `teacher_agreement.py [--dtype bfloat16]`.

Sends the same requests twice in different orders, eight at a time, and counts the replies that differ.
"""

import argparse
import random
import tempfile
from pathlib import Path

from kshot.config import Config, ParaphraseConfig, TeacherConfig
from kshot.core.files import write_json
from kshot.generate.sources import select_sources
from kshot.generate.synthesis.paraphrase import plan_requests
from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
from kshot.generate.teacher import open_teacher
from kshot.generate.teacher.servers import local_server
from kshot.runtime.logging import quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--dtype", default=local_server.DTYPE)
    options = parser.parse_args()
    local_server.DTYPE = options.dtype
    settings = ParaphraseConfig(modes=["rephrase"], tasks=24)
    planned = plan_requests(select_sources([], []), settings, PromptTemplates(None), 1)
    replies: list[dict[str, str]] = []
    with quiet():
        for seed in (1, 2):
            requests = [request.teacher_request for request in planned]
            random.Random(seed).shuffle(requests)
            with (
                tempfile.TemporaryDirectory() as folder,
                open_teacher(TeacherConfig(), Config().student, Path(folder)) as teacher,
            ):
                answers = teacher.ask(requests, f"order {seed}")
            replies.append({request.prompt: reply.text for request, reply in zip(requests, answers, strict=True)})
    differ = sum(replies[0][prompt] != replies[1][prompt] for prompt in replies[0])
    result = {"dtype": options.dtype, "replies": len(replies[0]), "differ": differ}
    print(result)
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
