"""`PrefixSharingLM` beside lm-eval's own `HFLM`: the same answers and log-probabilities."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Both = tuple[Any, Any, list[int]]


@pytest.fixture(scope="module", params=[1, 3], ids="{} threads".format)
def pair(tiny_student: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    import torch
    from lm_eval.models.huggingface import HFLM

    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
    from kshot.models.loading import load_student

    model, tokenizer = load_student(str(tiny_student))
    other, _ = load_student(str(tiny_student))
    ours = PrefixSharingLM(model.eval(), tokenizer, row=150, threads=request.param)
    theirs = HFLM(pretrained=other.eval(), tokenizer=tokenizer, batch_size=1, backend="causal")
    before = torch.get_num_threads()
    yield ours, theirs
    torch.set_num_threads(before)


@pytest.fixture
def both(pair: tuple[Any, Any]) -> Both:
    """The two models, and what ours ticks in this test: a measurement sets a ticker of its own."""
    ours, theirs = pair
    ticks: list[int] = []
    ours.tick = lambda done=1, note="": ticks.append(done)
    return ours, theirs, ticks


def prompts(rng: random.Random, groups: int) -> list[list[int]]:
    """Token lists of many lengths, nested: some begin like others, some are alone, some are equal."""
    made: list[list[int]] = []
    for _ in range(groups):
        head = [rng.randrange(3, 259) for _ in range(rng.randrange(1, 90))]
        middle = head + [rng.randrange(3, 259) for _ in range(rng.randrange(0, 60))]
        for _ in range(rng.randrange(1, 9)):
            made.append(rng.choice([head, middle]) + [rng.randrange(3, 259) for _ in range(rng.randrange(0, 30))])
    return [*made, made[0]]


@pytest.mark.parametrize("seed", range(8))
def test_log_probabilities_equal_lm_eval_s(both: Both, seed: int) -> None:
    ours, theirs, ticks = both
    rng = random.Random(seed)
    requests = []
    for context in prompts(rng, 5):
        for _ in range(rng.randrange(1, 5)):
            continuation = [rng.randrange(3, 259) for _ in range(rng.randrange(1, 6))]
            requests.append((("", str(len(requests))), context, continuation))
    rng.shuffle(requests)
    ticks.clear()
    mine, alone = ours._loglikelihood_tokens(requests), theirs._loglikelihood_tokens(requests, True)
    assert [score for score, _ in mine] == pytest.approx([score for score, _ in alone], abs=1e-4)
    assert [greedy for _, greedy in mine] == [greedy for _, greedy in alone]
    assert sum(ticks) == len(requests)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_answers_equal_lm_eval_s(both: Both, seed: int) -> None:
    from lm_eval.api.instance import Instance

    ours, theirs, ticks = both
    rng = random.Random(seed)
    until = [[ours.tokenizer.eos_token, chr(rng.randrange(97, 123))], ["\n"]]
    requests = [
        Instance("generate_until", {}, (theirs.tok_decode(tokens), {"until": stop, "max_gen_toks": 12}), i)
        for i, tokens in enumerate(prompts(rng, 3))
        for stop in until[: 1 + i % 2]
    ]
    ticks.clear()
    answers = ours.generate_until(requests)
    assert answers == theirs.generate_until(requests, disable_tqdm=True)
    assert len(set(answers)) > 3
    assert sum(ticks) == len(requests)


def test_answers_that_fill_their_budget_are_noted(both: Both) -> None:
    import torch
    from lm_eval.api.instance import Instance

    from kshot.evaluate.measure.samples import is_unfinished

    ours, theirs, _ = both
    texts = [ours.tok_decode(tokens) for tokens in prompts(random.Random(11), 4)]
    greedy = []
    for text in texts:
        ids = torch.tensor([ours.tok_encode(text)])
        for _ in range(6):
            with torch.no_grad():
                ids = torch.cat([ids, ours.model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
        greedy.append(ids[0, -6:].tolist())
    stop = ours.tok_decode([greedy[0][3]])
    settings = {"until": [stop], "max_gen_toks": 6, "do_sample": False}
    answers = ours.generate_until([Instance("generate_until", {}, (text, settings), n) for n, text in enumerate(texts)])
    ended = [ours.eot_token_id in tokens or stop in ours.tok_decode(tokens) for tokens in greedy]
    assert {True, False} == set(ended)
    noted = [is_unfinished(ours, text, answer, 6) for text, answer in zip(texts, answers, strict=True)]
    assert noted == [not each for each in ended]
    assert is_unfinished(theirs, "", "abcdef", 6)
    assert not is_unfinished(theirs, "", "abcde", 6)


@pytest.mark.parametrize("seed", range(3))
def test_options_are_scored_where_their_prompt_is_answered(both: Both, seed: int) -> None:
    """Of one token and of several, with two prompts alike; nothing is run for them again, and lm-eval says the same."""
    from lm_eval.api.instance import Instance

    from kshot.evaluate.lm.constants import SCORED_OPTIONS

    ours, theirs, ticks = both
    rng = random.Random(seed)
    texts = [theirs.tok_decode(tokens) + "\n" for tokens in prompts(rng, 3)]
    choices = [[chr(rng.randrange(97, 123)) * rng.randrange(1, 5) + end for end in ("", "x", "yz")] for _ in texts]
    settings = {"until": ["\n"], "max_gen_toks": 6}
    asked = [
        Instance("generate_until", {SCORED_OPTIONS: own}, (text, settings), i)
        for i, (text, own) in enumerate(zip(texts, choices, strict=True))
    ]
    assert ours.generate_until(asked) == theirs.generate_until(asked, disable_tqdm=True)
    requests = [
        Instance("loglikelihood", {}, (text, option), i)
        for i, (text, own) in enumerate(zip(texts, choices, strict=True))
        for option in own
    ]
    ticks.clear()
    runs: list[int] = []
    hook = ours.model.register_forward_pre_hook(lambda *_: runs.append(1))
    mine = ours.loglikelihood(requests)
    hook.remove()
    alone = theirs.loglikelihood(requests, disable_tqdm=True)
    assert [score for score, _ in mine] == pytest.approx([score for score, _ in alone], abs=1e-4)
    assert [greedy for _, greedy in mine] == [greedy for _, greedy in alone]
    assert not runs
    assert sum(ticks) == len(requests)


def test_what_is_shared_is_run_once(both: Both) -> None:
    ours, _, _ = both
    head = [5 + i % 90 for i in range(100)]
    requests = [(("", str(i)), [*head, 100 + i], [7, 8, 9]) for i in range(20)]
    counts: list[int] = []
    hook = ours.model.register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    ours._loglikelihood_tokens(requests)
    alone = sum(len(context) + len(option) for _, context, option in requests)
    assert sum(counts) < alone / 8
    counts.clear()
    ours._loglikelihood_tokens(requests)
    hook.remove()
    assert sum(counts) == 4 + 20 * 3, "the beginning is known from the first call, but for its last tokens"


def test_packs_are_dealt_out_in_runs_of_about_as_many_tokens() -> None:
    from kshot.evaluate.lm.prefix_tree import PackedBatch, partition

    long, short = tuple(range(60)), tuple(range(20))
    packs = [
        PackedBatch(long, (0,), 40),
        PackedBatch(long, (1,), 30),
        PackedBatch(short, (2,), 30),
        PackedBatch((), (3,), 100),
    ]
    assert partition(packs, 2) == [packs[:2], packs[2:]], "the first of a beginning runs it: 100, 30, 30, 100"
    assert partition(packs, 1) == [packs]
    assert partition(packs[:1], 1) == [packs[:1]]
    assert partition([], 1) == [[]]
    assert (
        partition([PackedBatch((), (0,), 5), PackedBatch((), (1,), 90), PackedBatch((), (2,), 5)], 3)[1][0].size == 90
    )


def test_cores_have_packs_of_their_own(both: Both) -> None:
    import threading

    ours, _, _ = both
    rng = random.Random(5)
    requests = [(("", str(i)), [rng.randrange(3, 259) for _ in range(100)], [7, 8]) for i in range(12)]
    at_work: dict[str, int] = {}
    hook = ours.model.register_forward_pre_hook(
        lambda module, args: at_work.update({(name := threading.current_thread().name): at_work.get(name, 0) + 1})
    )
    first = ours._loglikelihood_tokens(requests)
    hook.remove()
    # A worker that is done early may take another's packs, all four of them.
    assert sum(at_work.values()) == 12
    assert all(count % (4 if ours._threads == 3 else 12) == 0 for count in at_work.values())
    assert ours._loglikelihood_tokens(requests) == first, "to the bit"


def test_a_model_without_a_whole_past_is_asked_lm_eval_s_way(tiny_student: Path) -> None:
    from kshot.evaluate.lm.self_check import why_not_shared
    from kshot.models.loading import load_student

    model, _ = load_student(str(tiny_student))
    assert why_not_shared(model) is None
    model.config.sliding_window = 16
    assert "sliding window" in str(why_not_shared(model))


def test_the_greedy_continuation_is_known_as_such(both: Both) -> None:
    import torch

    ours, _, _ = both
    context = [5, 6, 7, 8]
    ids = torch.tensor([context])
    for _ in range(3):
        with torch.no_grad():
            ids = torch.cat([ids, ours.model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
    greedy = ids[0, 4:].tolist()
    other = [*greedy[:-1], (greedy[-1] + 1) % 259]
    found = ours._loglikelihood_tokens([(("", "a"), context, greedy), (("", "b"), context, other)])
    assert [is_greedy for _, is_greedy in found] == [True, False]
    assert found[0][0] > found[1][0]


def test_a_prompt_longer_than_the_context_is_cut_on_the_left(both: Both) -> None:
    ours, theirs, _ = both
    context = [random.Random(2).randrange(3, 259) for _ in range(ours.max_length + 50)]
    request = (("", ""), context, [9, 10])
    assert ours._loglikelihood_tokens([request])[0][0] == pytest.approx(
        theirs._loglikelihood_tokens([request], True)[0][0], abs=0.05
    )


def test_bfloat16_keeps_a_float32_output_layer(tiny_student: Path) -> None:
    import torch

    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
    from kshot.models.loading import load_student

    model, tokenizer = load_student(str(tiny_student))
    ours = PrefixSharingLM(model.to(torch.bfloat16).eval(), tokenizer)
    with torch.no_grad():
        assert ours.model(torch.tensor([[5, 6]])).logits.dtype == torch.float32


def test_bfloat16_computes_what_from_pretrained_loads(tiny_student: Path) -> None:
    """To the bit: rotary frequencies keep their precision."""
    import torch
    from transformers import AutoModelForCausalLM

    from kshot.models.loading import cast_weights, load_student

    model, _ = load_student(str(tiny_student))
    cast_weights(model.eval(), torch.bfloat16)
    loaded = AutoModelForCausalLM.from_pretrained(tiny_student, dtype=torch.bfloat16).eval()
    ids = torch.arange(5, 105)[None]
    with torch.no_grad():
        assert torch.equal(model(ids).logits, loaded(ids).logits)
    assert model.model.rotary_emb.inv_freq.dtype == torch.float32


def test_an_architecture_is_checked_once_and_in_float32(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from kshot.evaluate.lm import self_check
    from kshot.models.loading import cast_weights, load_student

    checked = []
    check = self_check.why_sharing_differs

    def count(model: Any, device: torch.device) -> str | None:
        checked.append((model.dtype, torch.get_num_threads()))
        return check(model, device)

    monkeypatch.setattr(self_check, "why_sharing_differs", count)
    monkeypatch.setattr(self_check, "_WAYS", {})
    threads = torch.get_num_threads()
    for _ in range(2):
        model, _ = load_student(str(tiny_student))
        cast_weights(model.eval(), torch.bfloat16)
        assert self_check.find_way(model, 0, model.device) == self_check.Way()
        assert model.dtype == torch.bfloat16
    assert checked == [(torch.float32, 1)]
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("options", [["no", "no opinion", "yes"], ["no", "maybe", "yes"]])
def test_options_that_begin_alike_are_scored_with_the_end_of_the_turn(
    both: Both, tmp_path: Path, options: list[str]
) -> None:
    """Without it "no" has a higher log-probability than "no opinion", whatever the question."""
    import torch

    from kshot.core.files import read_jsonl
    from kshot.evaluate.measure.measurement import Measurement, measure
    from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec

    ours = both[0]
    entry = SuiteTaskSpec(task="t", instruction="Do it.", kind="multiple_choice", options_fixed=True, demos=0)
    row = SuiteRow(input="What do you say?", output=["yes"], options=options)
    measurement = Measurement("base", Suite("p", (SuiteTask(entry, (), (row,)),)), 0, tmp_path / "measurement", "key")
    measure(measurement, ours, None)
    (found,) = [
        line for _, line in read_jsonl(measurement.folder / "samples.jsonl") if line["score"] == "loglikelihood"
    ]
    assert found["options"] == options
    end = ours.tokenizer.eos_token if options[1].startswith("no") else ""
    for option, scored in zip(options, found["log_probs"], strict=True):
        # lm-eval counts the line break before the answer as part of it, for each option alike.
        before = ours.tok_encode(found["prompt"].rstrip())
        option_tokens = ours.tok_encode(found["prompt"] + option + end)[len(before) :]
        with torch.inference_mode():
            log_probs = ours.model(torch.tensor([before + option_tokens])).logits[0, :-1].float().log_softmax(-1)
        places = range(len(before) - 1, len(before) + len(option_tokens) - 1)
        assert scored == pytest.approx(
            sum(float(log_probs[at, t]) for at, t in zip(places, option_tokens, strict=True)), abs=1e-3
        )
        assert (option_tokens[-1] == ours.tokenizer.eos_token_id) == bool(end)


@pytest.mark.parametrize(("spare", "cut"), [(0, 1), (60, 0)])
def test_a_prompt_that_leaves_no_room_for_the_answer_counts_as_cut(
    both: Both, tmp_path: Path, spare: int, cut: int
) -> None:
    from kshot.core.files import read_json, read_jsonl
    from kshot.evaluate.measure.measurement import Measurement, measure
    from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec

    ours = both[0]
    entry = SuiteTaskSpec(task="t", instruction="Do it.", kind="generation", demos=0)
    length = 1
    for _ in range(2):
        row = SuiteRow(input="x" * length, output=["yes"])
        measurement = Measurement("base", Suite("p", (SuiteTask(entry, (), (row,)),)), 0, tmp_path / str(length), "key")
        measure(measurement, ours, None)
        (found,) = [line for _, line in read_jsonl(measurement.folder / "samples.jsonl")]
        length += ours.max_length - len(ours.tok_encode(found["prompt"])) - spare
    assert len(ours.tok_encode(found["prompt"])) == ours.max_length - spare
    assert read_json(measurement.folder / "measurement.json")["truncated"] == found["truncated"] == cut


def test_git_does_not_complain_where_there_is_no_repository(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from kshot.evaluate.measure.measurement import Measurement, measure
    from kshot.suites.format import Suite, SuiteRow, SuiteTask, SuiteTaskSpec

    monkeypatch.chdir(tmp_path)
    entry = SuiteTaskSpec(task="t", instruction="Do it.", kind="generation", demos=0)
    suite = Suite("p", (SuiteTask(entry, (), (SuiteRow(input="x", output=["yes"]),)),))
    measure(Measurement("base", suite, 0, tmp_path / "measurement", "key"), both[0], None)
    assert "fatal" not in capfd.readouterr().err
