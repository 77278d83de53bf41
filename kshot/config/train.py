"""`train`: the fine-tuning. `train.sft` takes TRL's SFTConfig fields, `train.lora` PEFT's LoraConfig fields."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from kshot.config.section import Section, Seed


class TrainConfig(Section):
    """The fine-tuning."""

    data: Path | None = None
    """A training set made elsewhere, relative to the config: JSONL, JSON, Parquet or CSV of alpaca rows, messages,
    prompts with completions, or kshot's records. null: what `kshot generate` made for this run."""
    max_length: Annotated[int, Field(ge=16)] = 512
    """Maximum tokens of prompt and answer together; longer rows are dropped and counted."""
    loss_on: Literal["all_answers", "last_answer"] = "all_answers"
    """all_answers: the answer and the outputs of the demonstrations before it. last_answer: the answer only."""
    max_train_tokens: Annotated[int, Field(ge=1)] | None = None
    """Maximum tokens to train on, prompts included, in whole batches. null: all rows of every epoch."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.04
    """Fraction of the records held back for the validation loss, which is on the answer only."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU that supports it, and on a CPU where a timed step is faster with it."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3"] = "auto"
    """Attention of the student while it is trained. auto: the fused one, on a CPU the faster in a timed step. The flash
    ones need a GPU and the package flash-attn or kernels; with sft.padding_free they compute no padding at all."""
    method: Literal["lora", "full"] = "lora"
    """lora: an adapter, merged at the end. full: all weights, of which only the merged student is written; the default
    learning rate is then 2e-5."""
    quantize: Literal["nf4"] | None = None
    """nf4: hold the frozen weights in four bits while the adapter is trained (QLoRA, arXiv:2305.14314); needs
    `kshot[gpu]`. The merged student stands on the weights in float32."""
    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    """Processes to train in, with a GPU or a share of the cores each; a step takes the batches of all of them.
    auto: one for each GPU of this machine."""
    shard_base: bool = False
    """Divide the frozen weights among the processes (FSDP2), for a student that does not fit on one GPU. The adapter
    stays whole in each. Takes time for sending layers around."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of a process, at most the cores that there are; 0 for its share of them."""
    seed: Seed | None = None
    """Seed of the row order and the adapter's initial values. null: the config's seed, which the data always uses."""
    adapter_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Scale of the learnt change; below 1 the student stays nearer its base (WiSE-FT, arXiv:2109.01903)."""
    kl_coef: Annotated[float, Field(ge=0)] = 0.0
    """Weight of KL(base || student) on the loss tokens. Costs a second forward pass; 0 leaves it out."""
    lora: dict[str, Any] = {}
    """Fields of PEFT's LoraConfig that kshot honours: [the table](train-settings.md)."""
    sft: dict[str, Any] = {}
    """Fields of TRL's SFTConfig that kshot honours: [the table](train-settings.md)."""
