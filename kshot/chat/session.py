"""A conversation with a model, or with two side by side: settings, history, and the prompt of the next message."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from kshot.chat.generate import Answer, Speaker, Turns
from kshot.chat.tasks import ChatTask, TaskList
from kshot.core.console import say
from kshot.core.errors import ConfigError

MAX_TEMPERATURE = 10.0


@dataclass(frozen=True)
class ChatSettings:
    """How messages become prompts and answers."""

    max_tokens: int = 256
    temperature: float = 0.0
    """0 is greedy, as students are measured."""
    system: str = ""
    task: ChatTask | None = None
    """Each message is an input of it, without the history: as the task is measured."""
    shots: int = 0
    """Demonstrations of the task before the input."""

    def check(self) -> "ChatSettings":
        """Return them, if they can be used.

        Raises:
            ConfigError: a value that no answer can be made with.
        """
        if self.max_tokens < 1:
            raise ConfigError([f"max_tokens {self.max_tokens}: expected 1 or more"])
        if not (math.isfinite(self.temperature) and 0 <= self.temperature <= MAX_TEMPERATURE):
            raise ConfigError([f"temperature {self.temperature}: expected 0 (greedy) to {MAX_TEMPERATURE:g}"])
        if self.shots < 0:
            raise ConfigError([f"shots {self.shots}: expected 0 or more"])
        if self.shots and not self.task:
            raise ConfigError([f"shots {self.shots}: demonstrations are those of a task; choose a task first"])
        if self.task and self.shots > (pool := len(self.task.task.demos)):
            raise ConfigError([f"shots {self.shots}: {self.task.name} has {pool} demonstrations"])
        return self


class ChatSession:
    """A conversation. `kshot.chat(RUN)` opens one.

    Args:
        speaker: the model that is asked.
        load_other: loads the model to set beside it; raises KshotError where there is none.
        tasks: the tasks that can be asked.
        note: takes lines about the conversation, such as what was cut.
    """

    def __init__(
        self,
        speaker: Speaker,
        load_other: Callable[[], Speaker],
        tasks: TaskList,
        settings: ChatSettings | None = None,
        note: Callable[[str], None] = say,
    ) -> None:
        self.speaker = speaker
        self.tasks = tasks
        self.settings = (settings or ChatSettings()).check()
        self.note = note
        self.compares = False
        """Whether the other model answers as well."""
        self.last_message = self.last_prompt = ""
        self.last_answer = ""
        """Of the speaker itself, to its last message."""
        self._load_other = load_other
        self._other: Speaker | None = None

    @property
    def speakers(self) -> list[Speaker]:
        """Who answers the next message, in this order."""
        return [self.speaker, self.other] if self.compares else [self.speaker]

    @property
    def other(self) -> Speaker:
        """The model beside it, loaded when it is first asked.

        Raises:
            KshotError: no model is known to set beside it, or it cannot be used.
        """
        if self._other is None:
            self._other = self._load_other()
        return self._other

    def compare(self, on: bool) -> None:
        """Let the other model answer too, or no longer. It knows the conversation so far.

        Raises:
            KshotError: see `other`.
        """
        if on and not self.compares:
            self.other.history = list(self.speaker.history)
        self.compares = on

    def rewind_other(self) -> None:
        """Let the other model stand where the last message was asked, to be asked it too.

        Raises:
            KshotError: nothing was asked yet, or see `other`.
        """
        if not self.last_message:
            raise ConfigError(["/compare: nothing was asked yet; say something first"])
        self.other.history = list(self.speaker.history if self.settings.task else self.speaker.history[:-2])

    def change(self, **settings: object) -> None:
        """Change settings for the next messages.

        Raises:
            ConfigError: they cannot be used; nothing is changed.
        """
        self.settings = replace(self.settings, **settings).check()  # type: ignore[arg-type]

    def choose_task(self, name: str, shots: int = 0) -> ChatTask:
        """Make messages inputs of a task, with as many demonstrations as it needs.

        Raises:
            ConfigError: no such task, or too few demonstrations.
        """
        task = self.tasks.find(name)
        self.change(task=task, shots=max(shots, task.min_shots))
        return task

    def clear(self) -> None:
        """Forget the conversation."""
        for speaker in (self.speaker, self._other):
            if speaker:
                speaker.history = []

    def ask(self, text: str) -> str:
        """The answer to a message, which joins the history.

        Raises:
            DataError: the prompt is longer than the model's context.
        """
        return "".join(self.stream(text))

    def stream(self, text: str) -> Generator[str]:
        """The same, piece by piece.

        Raises:
            DataError: see `ask`.
        """
        yield from self.answer(self.speaker, text)

    def answer(self, speaker: Speaker, text: str) -> Generator[str]:
        """A speaker's answer to a message, piece by piece. What is stopped early joins the history as far as it came.

        Raises:
            DataError: see `ask`.
        """
        settings = self.settings
        turns, is_turn = self._make_turns(speaker, text)
        self.last_message, self.last_prompt = text, speaker.render(turns)
        answer = Answer()
        try:
            yield from speaker.stream(turns, settings.max_tokens, settings.temperature, answer)
        finally:
            if speaker is self.speaker:
                self.last_answer = answer.text
            if is_turn:
                speaker.history += [turns[-1], {"role": "assistant", "content": answer.text}]
        if answer.cut_at:
            self.note(f"{speaker.name}: the answer was cut after {answer.cut_at} tokens")

    def _make_turns(self, speaker: Speaker, text: str) -> tuple[Turns, bool]:
        """The turns to send, and whether they go on with the history, which is cut where it is too long."""
        settings = self.settings
        if settings.task:
            turns = settings.task.render(text, settings.shots, settings.system)
            speaker.check_room(turns, settings.max_tokens)
            return turns, False
        system = [{"role": "system", "content": settings.system}] if settings.system else []
        message = {"role": "user", "content": text}
        kept = speaker.history
        start = speaker.find_cut(system, message, settings.max_tokens)
        if start:
            speaker.history = kept[start:]
            self.note(f"{speaker.name}: the context is full; the first {start // 2} messages and answers are left out")
        return [*system, *speaker.history, message], True
