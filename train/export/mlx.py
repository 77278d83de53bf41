"""The merged student for MLX, by mlx-lm, which runs on Apple silicon."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kshot.core.errors import WeightsError, summarize_error

Turn = dict[str, str]


def check_mlx(merged: Path) -> str:
    """The installed version of mlx-lm.

    Raises:
        WeightsError: it is not here; says what to do on a Mac.
    """
    from importlib.metadata import version

    try:
        import mlx_lm  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        raise WeightsError(
            "mlx: mlx-lm is not installed here (it needs Apple silicon); on a Mac, with this folder: `pip install "
            f"mlx-lm && mlx_lm.convert --hf-path {merged} --mlx-path mlx`"
        ) from None
    return f"mlx-lm {version('mlx-lm')}"


def write_mlx(merged: Path, target: Path, dtype: str) -> None:
    """Convert the merged student; `target` must not exist.

    Raises:
        WeightsError: mlx-lm does not know its architecture.
    """
    import mlx_lm

    try:
        mlx_lm.convert(hf_path=str(merged), mlx_path=str(target), dtype=dtype)
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise WeightsError(f"mlx: mlx-lm did not convert it: {summarize_error(error)}") from None


def load_mlx(folder: Path) -> tuple[Any, Any]:
    """The model and its tokenizer."""
    import mlx_lm

    model, tokenizer = mlx_lm.load(str(folder))[:2]
    return model, tokenizer


def ask_mlx(loaded: tuple[Any, Any], turns: Sequence[Turn], most: int) -> str:
    """A greedy answer; mlx-lm takes the most probable token by default."""
    import mlx_lm

    model, tokenizer = loaded
    prompt = tokenizer.apply_chat_template(list(turns), add_generation_prompt=True)
    return str(mlx_lm.generate(model, tokenizer, prompt=prompt, max_tokens=most))
