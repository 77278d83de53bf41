"""`kshot export RUN --to ...` and `kshot push RUN OWNER/NAME --what ...`."""

from pathlib import Path
from typing import Annotated

import typer

from kshot.cli.options import Suites
from kshot.core.console import say


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/quickstart.")],
    to: Annotated[str, typer.Option(metavar="TARGET", help="merged, adapter, gguf, ollama or mlx.")],
    dtype: Annotated[
        str, typer.Option(help="bfloat16, float16 or float32; by default the dtype of the base's weights.")
    ] = "",
    quantize: Annotated[
        str,
        typer.Option(metavar="KIND", help="How a GGUF file holds the weights: q8_0 (the default), f16, q4_k_m, ..."),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write; by default runs/RUN/export/TARGET-DTYPE or TARGET-KIND."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Items whose answers are compared.")] = 20,
    suite: Suites = None,
) -> None:
    """Export a run's student, load the export again, and compare its greedy answers with the trained student's.

    merged: safetensors for transformers and vLLM. adapter: for PEFT, without a path of this machine. gguf: one file for
    llama.cpp, by its converter (`$LLAMA_CPP_DIR`, or fetched from PyPI once). ollama: the same with a Modelfile. mlx:
    on Apple silicon. Answers are compared on `kshot`, or on the suites of `--suite`; differences are printed.
    """
    from kshot.api import export as export_run

    export_run(
        run, to, dtype=dtype or None, quantize=quantize or None, out=out, limit=limit, suites=suite or ("kshot",)
    )


def push(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, e.g. runs/quickstart.")],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository on the hub.")],
    what: Annotated[str, typer.Option(metavar="PART", help="data, adapter, merged, gguf or report.")] = "data",
    public: Annotated[
        bool, typer.Option("--public", help="Create a public repository; by default it is private.")
    ] = False,
    license_id: Annotated[
        str, typer.Option("--license", metavar="ID", help="The licence that the card states, e.g. apache-2.0.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The export to send, where the run has several.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the files and their sizes; send nothing.")] = False,
) -> None:
    """Push a run's data, student or report to the Hugging Face hub, with a card, in one commit.

    data becomes a dataset, adapter, merged and gguf a model (what `kshot export` wrote, else what `kshot train` wrote),
    report a static Space. The token is the one that `hf auth login` stored, or $HF_TOKEN.
    """
    from kshot.api import push as push_run

    lines = push_run(run, repo, what, private=not public, license_id=license_id, folder=folder, dry_run=dry_run)
    for line in lines:
        say(line)
