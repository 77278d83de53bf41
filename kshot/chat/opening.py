"""Opens a chat: finds and loads the models, and the tasks at hand."""

from collections.abc import Sequence
from pathlib import Path

from kshot.chat.generate import Speaker
from kshot.chat.session import ChatSession, ChatSettings
from kshot.chat.tasks import FindSource, TaskList
from kshot.core.errors import ConfigError
from kshot.models.answering import BASE, check_dtype, find_base, find_model, find_run, load_ready
from kshot.models.checkpoints import Checkpoint


def open_chat(
    model: str,
    *,
    beside: str = "",
    task: str = "",
    shots: int = 0,
    settings: ChatSettings | None = None,
    files: Sequence[Path] = (),
    dtype: str = "auto",
    find_source: FindSource | None = None,
) -> ChatSession:
    """A chat with a run's student, or with another model.

    Args:
        beside: a second model, which answers too; `base` is what the student was trained from.
        task: makes messages inputs of this task.
        shots: demonstrations of it before each input.
        files: further tasks: YAML files, tables of examples, folders of suites.
        find_source: finds a programmatic family by its id.

    Raises:
        KshotError: a model or a task that cannot be found or used.
    """
    check_dtype(dtype)
    settings = (settings or ChatSettings()).check()
    checkpoint = find_model(model)
    reference = (find_base(model) if beside == BASE else beside) if beside else ""
    tasks = TaskList(find_run(model), files, find_source)
    if shots and not task:
        raise ConfigError([f"--shots {shots}: demonstrations are those of a task; name one with --task"])
    # What has no model to wait for is noticed first.
    chosen = tasks.find(task) if task else None
    if chosen:
        ChatSettings(task=chosen, shots=shots).check()

    def load_other() -> Speaker:
        other = find_model(reference or find_base(model))
        return _load(other, BASE if beside in ("", BASE) else other.label, dtype)

    session = ChatSession(_load(checkpoint, checkpoint.label, dtype), load_other, tasks, settings)
    if chosen:
        session.change(task=chosen, shots=max(shots, chosen.min_shots))
    if beside:
        session.compare(on=True)
    return session


def _load(checkpoint: Checkpoint, name: str, dtype: str) -> Speaker:
    model, tokenizer = load_ready(checkpoint, dtype)
    return Speaker(name, model, tokenizer)
