"""`kshot serve RUN|MODEL`."""

import json
from typing import Annotated

import typer

from kshot.cli.options import AnsweringModel, Dtype
from kshot.core.console import say


def serve(
    model: AnsweringModel,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the endpoint; 0 for a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs a key.")
    ] = "127.0.0.1",
    adapter: Annotated[
        bool, typer.Option("--adapter", help="Serve the run's adapter on its base, merged in memory.")
    ] = False,
    api_key_env: Annotated[
        str,
        typer.Option(metavar="NAME", help="Environment variable with the key that clients must send; KSHOT_API_KEY."),
    ] = "",
    name: Annotated[str, typer.Option(help="What clients call the model; by default the run's name.")] = "",
    dtype: Dtype = "auto",
) -> None:
    """Serve a run's student, or another model, behind an OpenAI-compatible endpoint until Ctrl-C.

    Clients send chats to /v1/chat/completions, streaming or not, and find the model in /v1/models. Prompts are written
    as in training. Answers are greedy, as measured, unless a request gives a temperature.
    """
    from kshot.serving.endpoint import read_key, serve_model
    from kshot.serving.guard import KEY_VARIABLE

    key = read_key(api_key_env)
    say("serve: loading the model")
    try:
        with serve_model(model, adapter=adapter, host=host, port=port, key=key, name=name, dtype=dtype) as served:
            for line in _describe(served.url, served.name, (api_key_env or KEY_VARIABLE) if key else ""):
                say(line)
            served.wait()
    except KeyboardInterrupt:
        say("serve: ended")


def _describe(url: str, name: str, key_variable: str) -> list[str]:
    """The lines that say how to reach the model.

    Args:
        key_variable: the environment variable with the key; empty for none.
    """
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hello"}]})
    body = body.replace("'", "'\\''")
    header = f' -H "Authorization: Bearer ${key_variable}"' if key_variable else ""
    key = f"os.environ[{key_variable!r}]" if key_variable else '"none"'
    return [
        f"serve: {name} at {url}",
        "",
        f"  curl {url}/chat/completions -H 'Content-Type: application/json'{header} -d '{body}'",
        "",
        *(["  import os"] if key_variable else []),
        "  from openai import OpenAI",
        f'  client = OpenAI(base_url="{url}", api_key={key})',
        '  messages = [{"role": "user", "content": "Hello"}]',
        f"  print(client.chat.completions.create(model={json.dumps(name)}, messages=messages)"
        ".choices[0].message.content)",
        "",
        "serve: Ctrl-C ends it",
    ]
