"""Send prompts through bespokelabs-curator: `ask_curator.py URL CONCURRENCY PROMPTS.json`.

Uses its openai backend, which posts with aiohttp and costs less than its litellm backend. Its rate limits are too high
to bind; its token counting for them cannot be turned off.
"""

import json
import os
import sys
from pathlib import Path

import litellm
from bespokelabs import curator
from measure import measure

NO_LIMIT = 10**9


def main() -> None:
    url, concurrency, path = sys.argv[1:]
    # Otherwise curator downloads the tokenizer; litellm ships the same file.
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")
    prompts = json.loads(Path(path).read_text())
    llm = curator.LLM(
        model_name="m",
        backend="openai",
        backend_params={
            "base_url": url,
            "api_key": "none",
            "max_retries": 0,
            "max_concurrent_requests": int(concurrency),
            "max_requests_per_minute": NO_LIMIT,
            "max_tokens_per_minute": NO_LIMIT,
        },
        generation_params={"max_tokens": 64},
    )
    measure("bespokelabs-curator", len(prompts), lambda: list(llm(prompts).dataset["response"]))


if __name__ == "__main__":
    main()
