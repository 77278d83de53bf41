"""The process of `kshot serve`: `python -m kshot.serving.app '{"folder": ..., "name": ..., "host": ..., "port": ...}'`.

It is transformers' own server. Three things are put around it: the model is loaded, and its prompts are rendered, as
in training and measuring; `AccessGuard` lets in only what the endpoint offers; answers are greedy by default.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kshot.core.errors import KshotError
from kshot.models.answering import find_chat_format, find_context, load_ready, make_generation_config
from kshot.models.chat_template import ChatFormat
from kshot.models.checkpoints import Checkpoint
from kshot.serving.guard import KEY_VARIABLE, AccessGuard, RefusedRequestError

DEFAULT_MAX_TOKENS = 1024


@dataclass(frozen=True)
class ServeOptions:
    """What the process is started with."""

    folder: str
    adapter: str | None
    name: str
    host: str
    port: int
    dtype: str


def serve(options: ServeOptions) -> None:
    """Load the model and serve it until the process ends.

    Raises:
        KshotError: the model does not load.
    """
    import uvicorn
    from transformers.cli.serve import Serve
    from transformers.cli.serving import utils

    adapter = Path(options.adapter) if options.adapter else None
    model, tokenizer = load_ready(
        Checkpoint(options.name, options.folder, options.folder, adapter, "", ()), options.dtype
    )
    chat = find_chat_format(model, tokenizer)
    prompts = ServedPrompts(tokenizer, chat, find_context(model))
    tokenizer.apply_chat_template = prompts.apply_chat_template
    handler: Any = utils.BaseHandler
    handler._resolve_model = lambda self, body: (options.name, model, tokenizer)
    build = handler._build_generation_config
    handler._build_generation_config = lambda self, body, own, use_cb=False: _configure(
        build(self, body, own, use_cb), body, make_generation_config(model, chat, DEFAULT_MAX_TOKENS, 0), prompts.room
    )
    make_config: Any = uvicorn.Config
    guard = AccessGuard(options.name, options.host, os.environ.get(KEY_VARIABLE, ""))
    uvicorn.Config = lambda app, **settings: make_config(  # type: ignore[assignment,misc,unused-ignore]
        guard.wrap(_answer_errors(app)), **settings
    )
    Serve(host=options.host, port=options.port, log_level="error")


def _answer_errors(app: Any) -> Any:
    """Have the server answer errors in the form that OpenAI's clients read."""
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    async def answer(request: Any, error: Any) -> Any:
        refused = error
        if isinstance(error, HTTPException):
            refused = RefusedRequestError(error.status_code, "invalid_request", str(error.detail))
        return JSONResponse(refused.body, status_code=refused.status)

    app.add_exception_handler(RefusedRequestError, answer)
    app.add_exception_handler(HTTPException, answer)
    return app


def _configure(config: Any, body: Mapping[str, Any], default: Any, room: int | None) -> Any:
    """Greedy, unless the request asks for sampling; no longer than the context allows.

    Args:
        config: as transformers reads the request; its sampling fields are those of the model where it gives none.
    """
    temperature, top_p = body.get("temperature"), body.get("top_p")
    config.do_sample = temperature != 0 and (temperature is not None or top_p is not None)
    config.temperature = (temperature or 1.0) if config.do_sample else None
    config.top_p = (1.0 if top_p is None else top_p) if config.do_sample else None
    config.top_k = 0 if config.do_sample else None
    config.max_length, config.pad_token_id, config.eos_token_id = None, default.pad_token_id, default.eos_token_id
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    if room is not None:
        config.max_new_tokens = min(asked or DEFAULT_MAX_TOKENS, room)
        # The handler sets what was asked for behind this function.
        for name in ("max_completion_tokens", "max_tokens"):
            if body.get(name):
                body[name] = config.max_new_tokens  # type: ignore[index]
    return config


class ServedPrompts:
    """Renders and tokenizes the prompts of requests as those of training and measuring.

    `room` is how many tokens the latest prompt leaves for the answer; transformers asks for it right after.
    """

    def __init__(self, tokenizer: Any, chat: ChatFormat, context: int | None) -> None:
        self._render: Callable[..., Any] = tokenizer.apply_chat_template
        self._chat = chat
        self._context = context
        self.room: int | None = None

    def apply_chat_template(
        self, conversation: Sequence[Any], tokenize: bool = True, return_tensors: str | None = None, **options: Any
    ) -> Any:
        """In place of the tokenizer's own, whose rendering it uses."""
        from transformers import BatchEncoding

        if not tokenize:
            return self._render(conversation, tokenize=False, return_tensors=return_tensors, **options)
        try:
            ids = self._chat.encode(self._chat.render_prompt([_as_turn(message) for message in conversation])).ids
        except KshotError as error:
            raise RefusedRequestError(400, "invalid_prompt", str(error)) from None
        if self._context is not None:
            self.room = self._context - len(ids)
            if self.room < 1:
                text = f"the prompt has {len(ids)} tokens; the model's context is {self._context}"
                raise RefusedRequestError(400, "context_length_exceeded", text)
        return BatchEncoding({"input_ids": [ids], "attention_mask": [[1] * len(ids)]}, tensor_type=return_tensors)


def _as_turn(message: Mapping[str, Any]) -> dict[str, str]:
    """A message's role and text, joined of its parts."""
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text", "") for part in content)
    return {"role": str(message.get("role")), "content": content}


def main(argument: str) -> int:
    """Serve; a fault of the model is one line on stderr, which `kshot serve` shows, and exit code 2."""
    try:
        serve(ServeOptions(**json.loads(argument)))
    except KshotError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
