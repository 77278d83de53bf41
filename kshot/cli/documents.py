"""`kshot init NAME --docs FOLDER`: from documents to questions and answers that they prove, written by a teacher."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import orjson

from kshot.core.console import say
from kshot.core.errors import DataError
from kshot.core.runs import Run
from kshot.core.seeding import stream
from kshot.core.text import count_words

if TYPE_CHECKING:
    from kshot.core.types import Reject
    from kshot.generate.synthesis.questions import AnsweredQuestion
    from kshot.project.examples import LabelledRow
    from kshot.project.passages import Passage
    from kshot.project.write import Project

INSTRUCTION = "Answer the question from the passage, as shortly as you can."
SEED = 7
"""Of passages and held-out documents."""
MAX_PASSAGES = 400
"""More are drawn from: each is a request."""
MIN_DOCUMENTS = 4
"""Of fewer documents passages are held out, of more whole documents."""
MAX_REPLY_TOKENS = 200
"""Of each question with its answer and evidence."""


def make_project(
    name: str, folder: Path, instruction: str | None, fraction: float, student: str, teacher: dict[str, str], count: int
) -> "tuple[Project, dict[str, str]]":
    """Cut the documents, ask the teacher, and return the project and its further files by name.

    Args:
        fraction: of the documents or passages to hold out.
        teacher: `endpoint` and `model`.
        count: questions for each passage.

    Raises:
        KshotError: no documents, no teacher, or too few questions whose answers the passages prove.
    """
    from kshot.project.examples import Survey
    from kshot.project.passages import read_passages
    from kshot.project.write import Project

    if not teacher:
        raise DataError("--docs needs --teacher and --model: the teacher writes the questions")
    passages, notes = read_passages(folder)
    words = [count_words(passage.text) for passage in passages]
    documents = sorted({passage.document for passage in passages})
    facts = [
        f"{len(passages)} passages of {min(words)} to {max(words)} words, half of them up to {median(words):.0f}, in "
        f"{len(documents)} documents",
        *notes,
    ]
    drawn = _draw(passages)
    if len(drawn) < len(passages):
        facts.append(f"{len(drawn)} passages are drawn to ask about")
    for line in facts:
        say(f"  {line}")
    instruction = instruction or INSTRUCTION
    questions, rejects = _ask(name, drawn, instruction, teacher, student, count)
    held_out = _hold_out(drawn, fraction)
    train = [_row(question) for question in questions if _key(question) not in held_out]
    test = [_row(question) for question in questions if _key(question) in held_out]
    if len(train) < 2 or not test:
        raise DataError(
            f"{folder}: {len(train)} questions to train on and {len(test)} held out; add documents, raise --questions, "
            "or name a better teacher"
        )
    facts.append(f"{teacher['model']} wrote {len(questions)} questions whose evidence stands in the passage")
    project = Project(
        Path(name).name, str(folder), instruction, Survey("text"), facts, train, test, student, teacher,
        made_by=(teacher["model"], "questions"),
    )  # fmt: skip
    return project, {
        "documents/questions.jsonl": _dump_lines([_describe(question) for question in questions]),
        "documents/rejects.jsonl": _dump_lines([vars(reject) for reject in rejects]),
    }


def _draw(passages: "Sequence[Passage]") -> "list[Passage]":
    rng = stream(SEED, "passages")
    chosen = sorted(rng.sample(range(len(passages)), min(MAX_PASSAGES, len(passages))))
    return [passages[position] for position in chosen]


def _hold_out(passages: "Sequence[Passage]", fraction: float) -> set[tuple[str, str]]:
    """The passages to hold out, by document and text."""
    documents = sorted({passage.document for passage in passages})
    rng = stream(SEED, "held-out documents")
    if len(documents) >= MIN_DOCUMENTS:
        chosen = set(rng.sample(documents, max(1, round(fraction * len(documents)))))
        return {(passage.document, passage.text) for passage in passages if passage.document in chosen}
    keys = [(passage.document, passage.text) for passage in passages]
    return set(rng.sample(keys, max(1, round(fraction * len(keys)))))


def _ask(
    name: str, passages: "Sequence[Passage]", instruction: str, teacher: dict[str, str], student: str, count: int
) -> "tuple[list[AnsweredQuestion], list[Reject]]":
    """Ask for the questions. Replies are kept in the run's cache, so a second try pays for none again."""
    from kshot.config import TeacherConfig, VerifyConfig
    from kshot.generate.curation.decontaminate import Decontaminator
    from kshot.generate.synthesis.questions import SourcePassage, write_questions
    from kshot.generate.synthesis.shared.context import SynthesisContext
    from kshot.generate.synthesis.shared.prompt_templates import PromptTemplates
    from kshot.generate.teacher import open_teacher

    sources = [SourcePassage(passage.document, passage.heading, passage.text) for passage in passages]
    say(f"asking {teacher['model']} for {count} questions on each of {len(sources)} passages, and solving each twice")
    settings = TeacherConfig.model_validate(teacher)
    with (
        Run(Path("runs") / Path(name).name).held("generate") as folder,
        open_teacher(settings, student, folder) as client,
    ):
        context = SynthesisContext(
            client, PromptTemplates(None), VerifyConfig(judge=True), Decontaminator([]), SEED, 0.8, MAX_REPLY_TOKENS
        )
        return write_questions(sources, count, instruction, context)


def _key(question: "AnsweredQuestion") -> tuple[str, str]:
    return question.passage.document, question.passage.text


def _row(question: "AnsweredQuestion") -> "LabelledRow":
    from kshot.project.examples import LabelledRow

    return LabelledRow(question.passage.document, question.input, question.answer)


def _describe(question: "AnsweredQuestion") -> dict[str, str]:
    return {
        "document": question.passage.document,
        "heading": question.passage.heading,
        "question": question.question,
        "answer": question.answer,
        "evidence": question.evidence,
        "verified_by": question.verified_by,
        "passage": question.passage.text,
    }


def _dump_lines(rows: "Sequence[dict[str, str]]") -> str:
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)
