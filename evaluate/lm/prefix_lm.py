"""The model class that lm-eval calls: Hugging Face weights, shared prefixes run once, float32 logits.

lm-eval's own `hf` model runs the whole prompt again for every option and takes the log-softmax over the vocabulary at
every position. Here shared prefixes are run once (`prefix_tree.py`), for options and for greedy answers alike.
In bfloat16 the output layer still works in float32: a logit near 20 has steps of 1/8 there, enough to tie options.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs, postprocess_generated_text

from kshot.core.console import Ticker, say
from kshot.core.errors import RunError
from kshot.evaluate.lm.chat_prompts import ChatPrompts
from kshot.evaluate.lm.constants import SCORED_OPTIONS
from kshot.evaluate.lm.prefix_tree import PackedBatch, PackedRow, PrefixTree, Tokens, pack, partition
from kshot.evaluate.lm.self_check import Way, find_way
from kshot.models.loading import is_row_independent
from kshot.runtime.parallel import count_worker_groups, run_parallel

Request = tuple[tuple[str, str], list[int], list[int]]
RequestedTokens = tuple[int, int, tuple[int, ...]]
"""Index of the request, the position that predicts its first token, its tokens."""
Option = tuple[Tokens, Tokens]
"""The tokens before an option, its own."""
Score = tuple[float, bool]
"""Sum of log-probabilities, whether it is the greedy continuation."""

UNSHARED_BATCH_SIZE = 8
"""Batch size where prefixes cannot be shared."""
ROW_TOKENS = {"cpu": 512}
MAX_ROW_TOKENS = 4096
MAX_CACHED_TOKENS = 4096
"""Maximum tokens of cached prefixes."""
ROWS_ANSWERED_TOGETHER = 4
"""Rows of prompts answered together: a decoding step costs little more for many than for one."""


def score_tokens(log_probs: torch.Tensor, tokens: Sequence[int]) -> Score:
    """The sum of some tokens' log-probabilities, of (tokens, vocabulary), and whether they are the greedy ones."""
    target = torch.tensor(tokens, device=log_probs.device)
    total = float(log_probs.gather(1, target[:, None]).sum())
    return total, bool((log_probs.argmax(-1) == target).all())


class Float32Head(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """The output layer in float32, whatever the rest of the model computes in."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(head.weight.detach().float(), requires_grad=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(hidden.float(), self.weight)


class PrefixSharingLM(ChatPrompts, HFLM):  # type: ignore[misc,unused-ignore]
    """lm-eval's model over a loaded student. Its `tick`, when set, counts the requests done.

    Args:
        way: how the model is asked; None to find out.
        row: tokens that are run at once; None for what suits the device.
        threads: cores that may work on prompts of their own; 1 leaves all to torch's threads.
    """

    def __init__(
        self, model: Any, tokenizer: Any, way: Way | None = None, row: int | None = None, threads: int = 1
    ) -> None:
        super().__init__(
            pretrained=model,
            tokenizer=tokenizer,
            batch_size=UNSHARED_BATCH_SIZE,
            backend="causal",
            enable_thinking=False,
        )
        way = way or find_way(model, tokenizer.pad_token_id or 0, self.device)
        # After lm-eval has tied the weights, which would tie this layer to the bfloat16 embedding.
        head = model.get_output_embeddings()
        if model.dtype != torch.float32 and head.bias is None:
            model.set_output_embeddings(Float32Head(head))
        self.tick: Ticker = lambda done=1, note="": None
        if way.alone:
            say(f"every prompt is run by itself, which is slower: {way.alone}")
        if way.single:
            say(f"prompts are run one at a time, which is slower still: {way.single}")
            self.batch_size_per_gpu = 1
        self._shares_prefixes = way.alone is None
        self._row = row or ROW_TOKENS.get(self.device.type, MAX_ROW_TOKENS)
        self._threads = threads if is_row_independent(model.config) else 1
        self._trees = [
            PrefixTree(model, self.device, self._row, MAX_CACHED_TOKENS // self._threads) for _ in range(self._threads)
        ]
        self._option_scores: dict[Option, Score] = {}
        self.cut_answers: set[tuple[str, str]] = set()
        """(prompt, answer) of the last call's answers that filled their budget of tokens."""
        self._counting = Lock()
        self._is_plain = False

    @contextmanager
    def asked_plainly(self, is_plain: bool) -> Iterator[None]:
        """Inside, log-probabilities are computed as lm-eval does by default, to the last digit: one prompt a batch."""
        before = self.batch_size_per_gpu, self._is_plain
        if is_plain:
            self.batch_size_per_gpu, self._is_plain = 1, True
        try:
            yield
        finally:
            self.batch_size_per_gpu, self._is_plain = before

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """As lm-eval's, without its progress bar: ours counts."""
        scores: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=True)
        return scores

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """(sum of log-probabilities of the continuation, whether it is the greedy one) for each request, in order."""
        if self._is_plain or not self._shares_prefixes:
            unshared: list[tuple[float, bool]] = super()._loglikelihood_tokens(requests, True, override_bs)
            self.tick(len(requests))
            return unshared
        wanted_by_tokens: dict[Tokens, list[RequestedTokens]] = defaultdict(list)
        scores_by_request: dict[int, Score] = {}
        for index, (_, context, option) in enumerate(requests):
            if known := self._option_scores.get((tuple(context), tuple(option))):
                scores_by_request[index] = known
                continue
            tokens: Tokens = tuple([*context, *option][-(self.max_length + 1) :][:-1])
            wanted_by_tokens[tokens].append((index, len(tokens) - len(option), tuple(option)))
        sequences = sorted(wanted_by_tokens)
        free = [min(first for _, first, _ in wanted_by_tokens[tokens]) for tokens in sequences]

        def score(tree: PrefixTree, pack: PackedBatch) -> None:
            wanted = [wanted_by_tokens[sequences[member]] for member in pack.members]
            places = [sorted({first + i for _, first, option in row for i in range(len(option))}) for row in wanted]
            logits = tree.build_row(pack, sequences).logits(places)
            for row, positions, scores in zip(wanted, places, logits, strict=True):
                log_probs = torch.log_softmax(scores, -1)
                for index, first, answer in row:
                    scores_by_request[index] = score_tokens(log_probs[positions.index(first) :][: len(answer)], answer)
            self._count(sum(map(len, wanted)))

        self._option_scores.clear()
        self._count(len(scores_by_request))
        self._run_batches(pack(sequences, free, self._row), score)
        return [scores_by_request[index] for index in range(len(requests))]

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """Greedy answers from shared prefixes; lm-eval's way where request or model ask for anything else."""
        self.cut_answers.clear()
        kinds: dict[str, list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            kinds[repr(request.args[1])].append(index)
        answers: dict[int, str] = {}
        for indices in kinds.values():
            chosen = [requests[index] for index in indices]
            settings = normalize_gen_kwargs(chosen[0].args[1], self.max_gen_toks)
            until = handle_stop_sequences(
                settings.pop("until", None), eos=self.tok_decode(self.eot_token_id, skip_special_tokens=False)
            )
            if written := self.chat.turn_end.removesuffix(self.chat.stop).strip():
                until.append(written)
            length = settings.pop("max_gen_toks")
            if length >= self.max_length:
                raise RunError(
                    f"answers of up to {length} tokens leave no room for a prompt in the model's context of "
                    f"{self.max_length}; lower the task's max_gen_toks"
                )
            if self._shares_prefixes and self._is_greedy(settings):
                texts = self._greedy(chosen, until, length)
            else:
                # Sampled answers depend on the batch; lm-eval's has one prompt.
                with self.asked_plainly(bool(settings.get("do_sample"))):
                    texts = super().generate_until(chosen, disable_tqdm=True)
                self.tick(len(chosen))
                pairs = zip(chosen, texts, strict=True)
                self.cut_answers |= {(r.args[0], text) for r, text in pairs if len(self.tok_encode(text)) >= length}
            answers.update(zip(indices, texts, strict=True))
        return [answers[index] for index in range(len(requests))]

    def _is_greedy(self, settings: Mapping[str, object]) -> bool:
        """Whether the answer is what has the highest logit, token by token."""
        own = self.model.generation_config
        neutral = {"do_sample": False, "temperature": 0.0}
        wanted_by_tokens = all(name in neutral and value == neutral[name] for name, value in settings.items())
        penalties = [own.repetition_penalty or 1.0, own.encoder_repetition_penalty or 1.0]
        others = [own.no_repeat_ngram_size, own.bad_words_ids, own.suppress_tokens, own.begin_suppress_tokens,
                  own.forced_eos_token_id, own.min_length, own.min_new_tokens, own.sequence_bias]  # fmt: skip
        return wanted_by_tokens and all(p == 1.0 for p in penalties) and not any(others) and (own.num_beams or 1) == 1

    def _greedy(self, requests: Sequence[Any], until: list[str], length: int) -> list[str]:
        room = self.max_length - length
        counts: dict[Tokens, int] = defaultdict(int)
        options: dict[Tokens, set[Option]] = defaultdict(set)
        contexts: list[Tokens] = []
        for request in requests:
            contexts.append(tuple(self.tok_batch_encode([request.args[0]], left_truncate_len=room)[0][0].tolist()))
            counts[contexts[-1]] += 1
            options[contexts[-1]].update(self._options(request, contexts[-1]))
        sequences = sorted(counts)
        ends = self.model.generation_config.eos_token_id
        ends = {self.eot_token_id, self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        # A stop token ends an answer; its characters, written as text, do not.
        control = self.chat.control.ids
        until = [text for text in until if control.get(text) not in ends]
        texts_by_context: dict[Tokens, str] = {}
        cut: set[Tokens] = set()

        def answer(tree: PrefixTree, pack: PackedBatch) -> None:
            members = [sequences[member] for member in pack.members]
            row = tree.build_row(pack, sequences)
            steps = row.decode(self._first_tokens(row, members, [sorted(options[member]) for member in members]))
            live = [(member, list[int]()) for member in members]
            chosen = next(steps)
            while live:
                stay = []
                for place, ((sequence, tokens), token) in enumerate(zip(live, chosen, strict=True)):
                    tokens.append(token)
                    text = self.tok_decode(tokens, skip_special_tokens=False)
                    is_ended = token in ends or any(stop in text for stop in until if stop)
                    if is_ended or len(tokens) == length:
                        if not is_ended:
                            cut.add(sequence)
                        texts_by_context[sequence] = postprocess_generated_text(
                            self.tok_decode(tokens[:-1] if token in ends else tokens), until, None
                        )
                        self._count(counts[sequence])
                    else:
                        stay.append(place)
                live = [live[place] for place in stay]
                if live:
                    chosen = steps.send(stay)

        # With fewer tokens a row for more cores, what all of them keep takes no more room.
        together = self._row * max(1, ROWS_ANSWERED_TOGETHER // self._threads)
        self._run_batches(pack(sequences, [len(sequence) - 1 for sequence in sequences], together), answer)
        self.cut_answers |= {
            (request.args[0], texts_by_context[context])
            for request, context in zip(requests, contexts, strict=True)
            if context in cut
        }
        return [texts_by_context[context] for context in contexts]

    def _options(self, request: Any, context: Tokens) -> list[Option]:
        """What lm-eval will ask the log-probabilities of after the same prompt, if it is a whole one."""
        scores_by_request = []
        for option in request.doc.get(SCORED_OPTIONS) or ():
            before, answer = self._encode_pair(request.args[0], option)
            whole = (*before, *answer)
            if whole[: len(context)] == context and len(context) < len(whole) <= self.max_length:
                scores_by_request.append((tuple(before), tuple(answer)))
        return scores_by_request

    def _first_tokens(
        self, row: PackedRow, members: Sequence[Tokens], options: Sequence[Sequence[Option]]
    ) -> list[int]:
        """The first token of each answer; scores the options on the way, while their prompts are cached."""
        places = [range(min([len(member), *(len(before) for before, _ in own)]) - 1, len(member))
                  for member, own in zip(members, options, strict=True)]  # fmt: skip
        after = row.logits(places)
        ways = [[(*before, *answer)[len(member) : -1] for before, answer in own]
                for member, own in zip(members, options, strict=True)]  # fmt: skip
        for wanted_by_tokens, own, prompt, rest in zip(places, options, after, row.branch(ways), strict=True):
            for (before, answer), more in zip(own, rest, strict=True):
                scores = torch.stack([*prompt[len(before) - 1 - wanted_by_tokens.start :], *more])
                self._option_scores[before, answer] = score_tokens(torch.log_softmax(scores, -1), answer)
        return [int(scores[-1].argmax()) for scores in after]

    def _run_batches(self, packs: Sequence[PackedBatch], work: Callable[[PrefixTree, PackedBatch], None]) -> None:
        """Do the work of every pack, each core, or some of them together, at packs of its own."""
        stopped = Event()

        def share(own: tuple[PrefixTree, Sequence[PackedBatch]]) -> None:
            with torch.no_grad():
                for pack in own[1]:
                    if stopped.is_set():
                        return
                    work(own[0], pack)

        runs = partition(packs, count_worker_groups(self._threads, len(packs)))
        run_parallel(share, list(zip(self._trees, runs, strict=False)), self._threads, stopped.set)

    def _count(self, done: int) -> None:
        with self._counting:
            self.tick(done)
