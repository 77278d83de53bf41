"""The config of a run: its sections, and the loader that reports every fault at once."""

from kshot.config.ablate import AblateConfig
from kshot.config.config import QUICKSTART_STUDENT, Config
from kshot.config.evaluate import EvaluateConfig
from kshot.config.generate import DedupConfig, FilterConfig, GenerateConfig, MixtureConfig
from kshot.config.section import Concurrency, Fraction, Names, Price, Section, Seed, Shots
from kshot.config.synthesis import (
    AugmentConfig,
    DemonstrateConfig,
    InventConfig,
    InvertConfig,
    ParaphraseConfig,
    ParaphraseMode,
    ReasonConfig,
    SynthesisConfig,
    VerifyConfig,
)
from kshot.config.tables import TableConfig, TableSuiteConfig
from kshot.config.teacher import BudgetConfig, EndpointConfig, Preset, Structured, TeacherConfig
from kshot.config.train import TrainConfig

__all__ = [
    "QUICKSTART_STUDENT",
    "AblateConfig",
    "AugmentConfig",
    "BudgetConfig",
    "Concurrency",
    "Config",
    "DedupConfig",
    "DemonstrateConfig",
    "EndpointConfig",
    "EvaluateConfig",
    "FilterConfig",
    "Fraction",
    "GenerateConfig",
    "InventConfig",
    "InvertConfig",
    "MixtureConfig",
    "Names",
    "ParaphraseConfig",
    "ParaphraseMode",
    "Preset",
    "Price",
    "ReasonConfig",
    "Section",
    "Seed",
    "Shots",
    "Structured",
    "SynthesisConfig",
    "TableConfig",
    "TableSuiteConfig",
    "TeacherConfig",
    "TrainConfig",
    "VerifyConfig",
]
