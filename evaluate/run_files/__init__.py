"""The files that an evaluation writes: one frozen model each. Scores and gains are fractions, not percent."""

from kshot.core.run_files import FileModel
from kshot.evaluate.run_files.ablate import AblateFile, RankedTrial, TrialGain, TrialState
from kshot.evaluate.run_files.alternatives import AlternativeRow, AlternativesFile
from kshot.evaluate.run_files.baselines import BaselineMean, BaselineScore, BaselinesFile, BaselineTask
from kshot.evaluate.run_files.compare import ComparedMetric, ComparedModel, CompareFile, CompareRow
from kshot.evaluate.run_files.contamination import (
    ContaminatedItem,
    ContaminationFile,
    NearestTasks,
    NearestTrainingTask,
    TaskText,
)
from kshot.evaluate.run_files.forgetting import (
    ChatAnswer,
    ChatForgetting,
    ChatStyle,
    ForgettingAnswers,
    ForgettingFile,
    ForgottenTask,
    TextForgetting,
    TextKind,
)
from kshot.evaluate.run_files.gains import CleanGain, FewshotRow, Gain, GainRow, SuiteGain
from kshot.evaluate.run_files.judge import JudgeFile, Judgement, JudgeRow
from kshot.evaluate.run_files.label_bias import (
    LabelBias,
    LabelBiasFile,
    LabelBiasGain,
    LabelBiasMean,
    LabelBiasTask,
    LabelPriors,
)
from kshot.evaluate.run_files.measured import (
    AnswerCount,
    DeviceFile,
    EvaluateManifest,
    MeasuredOn,
    MeasurementFile,
    OtherMetric,
    Sample,
    TaskScore,
)

__all__ = [
    "FILES",
    "AblateFile",
    "AlternativeRow",
    "AlternativesFile",
    "AnswerCount",
    "BaselineMean",
    "BaselineScore",
    "BaselineTask",
    "BaselinesFile",
    "ChatAnswer",
    "ChatForgetting",
    "ChatStyle",
    "CleanGain",
    "CompareFile",
    "CompareRow",
    "ComparedMetric",
    "ComparedModel",
    "ContaminatedItem",
    "ContaminationFile",
    "DeviceFile",
    "EvaluateManifest",
    "FewshotRow",
    "ForgettingAnswers",
    "ForgettingFile",
    "ForgottenTask",
    "Gain",
    "GainRow",
    "JudgeFile",
    "JudgeRow",
    "Judgement",
    "LabelBias",
    "LabelBiasFile",
    "LabelBiasGain",
    "LabelBiasMean",
    "LabelBiasTask",
    "LabelPriors",
    "MeasuredOn",
    "MeasurementFile",
    "NearestTasks",
    "NearestTrainingTask",
    "OtherMetric",
    "RankedTrial",
    "Sample",
    "SuiteGain",
    "TaskScore",
    "TaskText",
    "TextForgetting",
    "TextKind",
    "TrialGain",
    "TrialState",
]

FILES: dict[str, type[FileModel]] = {
    "gains": GainRow,
    "fewshot": FewshotRow,
    "alternatives": AlternativesFile,
    "baselines": BaselinesFile,
    "samples": Sample,
    "label_bias": LabelBiasFile,
    "label_priors": LabelPriors,
    "judge": JudgeFile,
    "judgements": Judgement,
    "contamination": ContaminationFile,
    "forgetting": ForgettingFile,
    "forgetting_answers": ForgettingAnswers,
    "measurement": MeasurementFile,
    "evaluate_manifest": EvaluateManifest,
    "compare": CompareFile,
    "ablate": AblateFile,
}
"""Every file of the stage by the name of its schema; gains, fewshot and samples hold a row each."""
