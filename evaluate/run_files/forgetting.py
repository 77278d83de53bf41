"""forgetting.json and forgetting/MODEL.json: what the student lost."""

from kshot.core.run_files import FileModel


class TextKind(FileModel):
    """Bits per byte of one kind of English text."""

    kind: str
    base: float
    student: float
    paragraphs: int


class TextForgetting(FileModel):
    """Bits per byte (UTF-8) of English text, means over paragraphs; more is worse."""

    base: float
    student: float
    difference: float
    low: float
    high: float
    paragraphs: int
    kinds: list[TextKind]


class ChatStyle(FileModel):
    """How a model answers plain questions."""

    words: float
    """Mean length in words."""
    one_word: float
    """Fraction of answers of one word or none."""
    repeated: float
    """Mean fraction of an answer's word 4-grams that occurred before in it."""


class ChatForgetting(FileModel):
    """Chat style of base and student."""

    base: ChatStyle
    student: ChatStyle


class ChatAnswer(FileModel):
    """Answers of base and student to a plain question."""

    question: str
    base: str
    student: str


class ForgottenTask(FileModel):
    """A task that the base solved above every trivial baseline, with the student's paired change."""

    suite: str
    score: str
    k: int
    task: str
    baseline: float
    """The best trivial baseline."""
    base: float
    student: float
    gain: float
    low: float | None
    high: float | None
    p: float
    items: int
    p_holm: float


class ForgettingFile(FileModel):
    """forgetting.json: what the student lost."""

    text: TextForgetting | None
    chat: ChatForgetting | None
    answers: list[ChatAnswer]
    tasks: list[ForgottenTask]


class ForgettingAnswers(FileModel):
    """forgetting/MODEL.json: what one model answered."""

    key: str
    bits: list[float]
    """Bits of each paragraph."""
    answers: list[str]
