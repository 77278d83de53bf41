"""Would packing the frozen weights make a CPU step faster? `python benchmarks/packed_weights.py`.

Times the products of the quickstart's student on one thread: as torch computes them in float32 and bfloat16, and with
weights that oneDNN has packed once. Forward is x @ W.T; backward is the gradient times W, packed transposed.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear

SHAPES = ((576, 576), (192, 576), (1536, 576), (576, 1536))
"""(outputs, inputs) of the layers of SmolLM2-135M."""
REPEATS, ROUNDS = 30, 5


def best_ms(compute: Callable[[], Any]) -> float:
    """Milliseconds of one call, the best of some rounds."""
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(REPEATS):
            compute()
        times.append((time.perf_counter() - began) / REPEATS)
    return 1000 * min(times[1:])


def pack(weights: torch.Tensor, rows: int) -> Any:
    return torch.ops.mkldnn._reorder_linear_weight(weights.contiguous(), rows)


def multiply(rows: torch.Tensor, packed: Any) -> Any:
    return torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[160, 320, 640], help="tokens of a product")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("tokens outputs inputs | forward ms: float32 bfloat16 packed | backward ms: float32 bfloat16 packed")
    for count in options.rows:
        for outputs, inputs in SHAPES:
            weights, rows, gradient = (
                torch.randn(outputs, inputs),
                torch.randn(count, inputs),
                torch.randn(count, outputs),
            )
            half, half_rows, half_gradient = weights.bfloat16(), rows.bfloat16(), gradient.bfloat16()
            forward, backward = pack(half, count), pack(half.t(), count)
            times = [
                best_ms(lambda r=rows, w=weights: linear(r, w)),
                best_ms(lambda r=half_rows, w=half: linear(r, w)),
                best_ms(lambda r=half_rows, p=forward: multiply(r, p)),
                best_ms(lambda g=gradient, w=weights: g @ w),
                best_ms(lambda g=half_gradient, w=half: g @ w),
                best_ms(lambda g=half_gradient, p=backward: multiply(g, p)),
            ]
            print(f"{count:6} {outputs:7} {inputs:6} | {' '.join(f'{ms:.3f}' for ms in times)}")


if __name__ == "__main__":
    main()
