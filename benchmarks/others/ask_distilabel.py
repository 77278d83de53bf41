"""Send prompts through distilabel: `ask_distilabel.py URL CONCURRENCY PROMPTS.json [--llm]`.

Uses a pipeline with one TextGeneration step, as its manual shows; with `--llm` its LLM alone, in one process. A batch
goes out at once and the next waits for its last reply, so the batch size is the concurrency. A larger batch, or
replicas of the step, would be faster, with more requests in flight than the other libraries have.
"""

import json
import sys
from pathlib import Path

import multiprocess
from datasets import Dataset
from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps.tasks import TextGeneration
from measure import measure


def run_pipeline(llm: OpenAILLM, prompts: list[str], size: int) -> list[str | None]:
    with Pipeline(name="overhead", enable_metadata=False) as steps:
        TextGeneration(llm=llm, input_batch_size=size)
    rows = Dataset.from_dict({"instruction": prompts})
    result = steps.run(dataset=rows, dataset_batch_size=size, use_cache=False)
    for child in multiprocess.active_children():
        child.join(10)
    return list(result["default"]["train"]["generation"])


def run_llm(llm: OpenAILLM, prompts: list[str], size: int) -> list[str | None]:
    llm.load()
    chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
    batches = (chats[start : start + size] for start in range(0, len(chats), size))
    return [reply["generations"][0] for batch in batches for reply in llm.generate_outputs(batch, max_new_tokens=64)]


def main() -> None:
    url, concurrency, path, *options = sys.argv[1:]
    prompts = json.loads(Path(path).read_text())
    llm = OpenAILLM(model="m", base_url=url, api_key="none", max_retries=0, generation_kwargs={"max_new_tokens": 64})
    run = run_llm if "--llm" in options else run_pipeline
    measure("distilabel", len(prompts), lambda: run(llm, prompts, int(concurrency)))


if __name__ == "__main__":
    main()
