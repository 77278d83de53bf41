"""A prefix tree of prompts: shared prefixes are run once, and every token attends to its own ancestors only.

Sorted token sequences form a trie. Its long shared prefixes (instruction and demonstrations) are run once and their
keys and values cached; the rest is packed into rows of some hundred tokens, in which a mask lets each token attend to
the cached prefix and its own path: no padding, and no copy of the prefix for every prompt. Speculative decoding uses
tree attention of this kind (Miao et al., SpecInfer, arXiv:2305.09781).
"""

from collections.abc import Collection, Generator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

Tokens = tuple[int, ...]

PREFIX_GRANULARITY = 16
"""Shared prefixes are cached in multiples of this many tokens, which bounds the depth of the recursion."""
MIN_TOKENS_SAVED = 128
"""Cache a prefix if that saves at least so many tokens."""


@dataclass(frozen=True)
class PackedBatch:
    """Sequences that run in one row of `size` tokens after a prefix that they share."""

    prefix: Tokens
    members: tuple[int, ...]
    size: int


def shared_length(a: Sequence[int], b: Sequence[int]) -> int:
    """Number of leading tokens that two sequences share."""
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count


def pack(sequences: Sequence[Tokens], first_wanted: Sequence[int], row: int) -> list[PackedBatch]:
    """What to run, in an order in which neighbours share the most.

    Args:
        sequences: sorted and distinct.
        free: for each the first position whose logits are wanted; it stays out of what is shared.
        row: the most tokens in a row, unless one sequence alone has more.
    """
    shared = [0, *(shared_length(a, b) // PREFIX_GRANULARITY * PREFIX_GRANULARITY for a, b in pairwise(sequences))]
    packs: list[PackedBatch] = []

    def emit(unshared: list[int], depth: int) -> None:
        size, start = 0, 0
        for place, index in enumerate(unshared):
            before = shared_length(sequences[unshared[place - 1]], sequences[index]) if place > start else 0
            new = len(sequences[index]) - max(depth, before)
            if size + new > row and place > start:
                packs.append(PackedBatch(sequences[unshared[start]][:depth], tuple(unshared[start:place]), size))
                size, start, new = 0, place, len(sequences[index]) - depth
            size += new
        if unshared:
            packs.append(PackedBatch(sequences[unshared[start]][:depth], tuple(unshared[start:]), size))

    def walk(low: int, high: int, depth: int) -> list[int]:
        """Pack a range of neighbours that share `depth` tokens; returns those that share no more."""
        if high - low == 1:
            return [low]
        least = min(shared[low + 1 : high])
        length = min(least, min(first_wanted[low:high]) // PREFIX_GRANULARITY * PREFIX_GRANULARITY)
        keep = (high - low - 1) * (length - depth) >= MIN_TOKENS_SAVED
        unshared: list[int] = []
        if length < least:
            unshared = list(range(low, high))
        else:
            cuts = [low, *(i for i in range(low + 1, high) if shared[i] == least), high]
            for a, b in pairwise(cuts):
                unshared += walk(a, b, length if keep else depth)
        if not keep:
            return unshared
        emit(unshared, length)
        return []

    if sequences:
        emit(walk(0, len(sequences), 0), 0)
    return packs


def partition(packs: Sequence[PackedBatch], shares: int) -> list[list[PackedBatch]]:
    """Split batches into runs of neighbours, which share the most, with about as many tokens in each."""
    before: Tokens = ()
    ends = [0]
    for pack in packs:
        ends.append(ends[-1] + pack.size + len(pack.prefix) - shared_length(before, pack.prefix))
        before = pack.prefix
    runs: list[list[PackedBatch]] = [[] for _ in range(shares)]
    for pack, (start, end) in zip(packs, pairwise(ends), strict=True):
        runs[shares * (start + end) // (2 * ends[-1] + 1)].append(pack)
    return runs


class PrefixTree:
    """Runs packed batches through a causal language model whose attention takes a four-dimensional mask.

    Args:
        piece: maximum tokens to run at once.
        kept: maximum tokens of cached prefixes, kept from one call to the next.
    """

    def __init__(self, model: Any, device: torch.device, max_run_tokens: int, max_cached_tokens: int = 4096) -> None:
        self.max_run_tokens = max_run_tokens
        self._model, self._device, self._max_cached_tokens = model, device, max_cached_tokens
        self._cached: list[tuple[Tokens, Any]] = []

    def build_row(self, pack: PackedBatch, sequences: Sequence[Tokens]) -> "PackedRow":
        """The row of a packed batch, ready to run."""
        return PackedRow(self, self._prefix_cache(pack.prefix), len(pack.prefix), [sequences[i] for i in pack.members])

    def _prefix_cache(self, tokens: Tokens) -> Any:
        """A cache of exactly these tokens, built from the longest cached prefix; the caller may change it."""
        from transformers import DynamicCache

        best = max(self._cached, key=lambda cached_entry: shared_length(cached_entry[0], tokens), default=None)
        have = shared_length(best[0], tokens) if best else 0
        cache = deepcopy(best[1]) if best and have else DynamicCache(config=self._model.config)
        if best and have < len(best[0]):
            cache.crop(have - len(best[0]))
        if have < len(tokens):
            self.run(tokens[have:], range(have, len(tokens)), None, cache, torch.tensor([0]))
            # A continuation replaces the prefix that it continues.
            self._cached = [
                cached_entry for cached_entry in self._cached if cached_entry[0] != tokens[: len(cached_entry[0])]
            ]
            self._cached.append((tokens, deepcopy(cache)))
            while (
                len(self._cached) > 1
                and sum(len(cached_entry) for cached_entry, _ in self._cached) > self._max_cached_tokens
            ):
                self._cached.pop(0)
        return cache

    def run(
        self, tokens: Sequence[int], positions: Sequence[int], seen: torch.Tensor | None, cache: Any, wanted: Any
    ) -> torch.Tensor:
        """Float32 logits (wanted, vocabulary) after some tokens; the cache grows by all of them.

        Args:
            seen: (tokens, cached and new tokens), true where a token may look; None for plain causal order.
            wanted: which of the tokens' logits to return.
        """
        mask = None
        if seen is not None:
            lowest = torch.finfo(self._model.dtype).min
            mask = torch.zeros(seen.shape, dtype=self._model.dtype).masked_fill(~seen, lowest)[None, None]
            mask = mask.to(self._device)
        output = self._model(
            input_ids=torch.tensor([list(tokens)], device=self._device),
            position_ids=torch.tensor([list(positions)], device=self._device),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.as_tensor(wanted, device=self._device),
        )
        logits: torch.Tensor = output.logits[0].float()
        return logits


class PackedRow:
    """The tokens of a packed batch after its prefix, each once, and those generated since."""

    def __init__(self, tree: PrefixTree, cache: Any, start: int, members: Sequence[Tokens]) -> None:
        self._tree, self._cache, self._start = tree, cache, start
        tokens: list[int] = []
        positions: list[int] = []
        self._paths: list[list[int]] = []
        before: Tokens = ()
        for member in members:
            shared = max(0, shared_length(before, member) - start)
            path = self._paths[-1][:shared] if self._paths else []
            self._paths.append([*path, *range(len(tokens), len(tokens) + len(member) - start - shared)])
            tokens += member[start + shared :]
            positions += range(start + shared, len(member))
            before = member
        self._tokens, self._positions = tokens, positions

    def logits(self, wanted: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Run the row; for each member the logits after these of its positions (counted from its first token)."""
        size = len(self._tokens)
        seen = torch.zeros(size, self._start + size, dtype=torch.bool)
        seen[:, : self._start] = True
        for path in self._paths:
            at = torch.tensor(path)
            seen[at[:, None], self._start + at[None, :]] = torch.ones(len(path), len(path), dtype=torch.bool).tril()
        nodes = [[path[p - self._start] for p in ps] for path, ps in zip(self._paths, wanted, strict=True)]
        logits_at = self._pieces(self._tokens, self._positions, seen, {node for row in nodes for node in row})
        return [torch.stack([logits_at[node] for node in row]) for row in nodes]

    def branch(self, ends: Sequence[Sequence[Tokens]]) -> list[list[list[torch.Tensor]]]:
        """Run ways to go on from each member of a row that was run; the row is as before afterwards.

        Returns:
            For each member and each of its ways the logits after each of its tokens.
        """
        ways = [(member, way) for member, own in enumerate(ends) for way in own if way]
        total = sum(len(way) for _, way in ways)
        if not total:
            return [[[] for _ in own] for own in ends]
        own = torch.block_diag(*(torch.ones(len(way), len(way)).tril() for _, way in ways)).bool()
        seen = torch.cat([self._seen([member for member, way in ways for _ in way]), own], 1)
        positions = [self._depth(member) + place for member, way in ways for place in range(len(way))]
        logits_at = self._pieces([token for _, way in ways for token in way], positions, seen, range(total))
        self._cache.crop(-total)
        logits = iter(logits_at[node] for node in range(total))
        return [[[next(logits) for _ in way] for way in own] for own in ends]

    def _pieces(
        self, tokens: Sequence[int], positions: Sequence[int], seen: torch.Tensor, asked: Collection[int]
    ) -> dict[int, torch.Tensor]:
        """The logits after the asked of some tokens; `seen` as in `PrefixTree.run`.

        What a token may see stands before it, so many of them can be run piece by piece.
        """
        cached = seen.shape[1] - len(tokens)
        logits_at: dict[int, torch.Tensor] = {}
        for begin in range(0, len(tokens), self._tree.max_run_tokens):
            end = min(begin + self._tree.max_run_tokens, len(tokens))
            order = sorted(node - begin for node in asked if begin <= node < end)
            mask = seen[begin:end, : cached + end]
            logits = self._tree.run(tokens[begin:end], positions[begin:end], mask, self._cache, order or [0])
            logits_at.update({begin + place: logits[i] for i, place in enumerate(order)})
        return logits_at

    def _depth(self, member: int) -> int:
        """The position after a member's last token."""
        return self._start + len(self._paths[member])

    def _seen(self, members: Sequence[int]) -> torch.Tensor:
        """(members, cached tokens), true where what follows these members may look."""
        seen = torch.zeros(len(members), self._start + len(self._tokens), dtype=torch.bool)
        seen[:, : self._start] = True
        for row, member in enumerate(members):
            seen[row, self._start + torch.tensor(self._paths[member])] = True
        return seen

    def decode(self, tokens: list[int]) -> Generator[list[int], list[int], None]:
        """Greedy tokens after a first one of each member, one for each live member a step: send which of them go on.

        Yields the tokens of the live members in their order; `send` takes those places in that list that stay.
        """
        members = range(len(self._paths))
        depths = [self._depth(member) for member in members]
        seen = self._seen(members)
        while True:
            stay = yield tokens
            if not stay:
                return
            seen = torch.cat([seen[stay], torch.eye(len(stay), dtype=torch.bool)], 1)
            depths = [depths[i] for i in stay]
            logits = self._tree.run([tokens[i] for i in stay], depths, seen, self._cache, range(len(stay)))
            tokens = logits.argmax(-1).tolist()
            depths = [depth + 1 for depth in depths]
