"""Divides frozen weights among the processes (FSDP2): each holds a part, and a layer is whole only while it computes.

The adapter stays whole in every process, so its gradients, its optimizer and the checkpoints are as under DDP.
"""

from typing import Any

from kshot.core.console import say
from kshot.core.errors import ConfigError
from kshot.runtime.processes import process_count


def shard_frozen_weights(model: Any, device_type: str) -> None:
    """Shard the layers of a student with an adapter, in place.

    Embeddings and output layer stay whole: many students share one matrix for both.

    Raises:
        ConfigError: there is one process only, or the student's layers cannot be found.
    """
    if process_count() == 1:
        raise ConfigError(["train.shard_base: one process has nobody to divide weights with; set train.processes"])
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    decoder = model.get_base_model().base_model
    names = set(getattr(model.get_base_model(), "_no_split_modules", None) or ())
    layers = [module for module in decoder.modules() if type(module).__name__ in names]
    if not layers:
        raise ConfigError(["train.shard_base: this student names no layers that could be divided; leave it out"])
    mesh = init_device_mesh(device_type, (process_count(),))
    trained = {weights for weights in decoder.parameters() if weights.requires_grad}
    embeddings = set(model.get_input_embeddings().parameters())
    whole = sum(weights.numel() for weights in model.parameters())
    for layer in layers:
        fully_shard(layer, mesh=mesh, ignored_params=trained)
    # A root is else left whole after a forward pass; the first process, which saves, would divide it alone.
    fully_shard(decoder, mesh=mesh, reshard_after_forward=True, ignored_params=trained | embeddings)
    sharded = {name: weights for name, weights in model.named_parameters() if isinstance(weights, DTensor)}
    # DDP's wrapper, which accelerate puts around the model, would send them to all processes.
    model._ddp_params_and_buffers_to_ignore = list(sharded)
    divided = sum(weights.numel() for weights in sharded.values())
    say(f"{divided / whole:.0%} of the weights are divided among {process_count()} processes")
