"""The commands of a chat: each changes the session and returns what the loop shows or does next."""

from collections.abc import Callable
from dataclasses import dataclass

from kshot.chat.session import ChatSession
from kshot.core.errors import ConfigError

OFF = "off"
MAX_NAMES_SHOWN = 40


@dataclass(frozen=True)
class Effect:
    """What follows from a command."""

    notes: tuple[str, ...] = ()
    compares_last: bool = False
    """The other model is asked the last message, and both answers are shown."""
    quits: bool = False


@dataclass(frozen=True)
class ChatCommand:
    """A command: how it is written, what it does."""

    usage: str
    help: str
    run: Callable[[ChatSession, str], Effect]


def run_command(session: ChatSession, line: str) -> Effect:
    """Do what a line that begins with `/` says.

    Raises:
        KshotError: no such command, or it cannot be done; nothing is changed.
    """
    name, _, argument = line.removeprefix("/").strip().partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        raise ConfigError([f"/{name}: no such command; {' '.join(f'/{known}' for known in COMMANDS)}"])
    return command.run(session, argument.strip())


def _help(session: ChatSession, argument: str) -> Effect:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"{command.usage:{width}}  {command.help}" for command in COMMANDS.values()]
    more = "A line that ends with \\ goes on in the next. //TEXT sends a message that begins with /."
    return Effect((*lines, more))


def _tasks(session: ChatSession, argument: str) -> Effect:
    lines = []
    for origin, tasks in session.tasks.by_origin.items():
        names = [task.name for task in tasks]
        more = f", and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
        lines.append(f"{origin}: {', '.join(names[:MAX_NAMES_SHOWN])}{more}")
    lines += [f"left out: {reason}" for reason in session.tasks.unreadable]
    return Effect((*lines, "and every family of `kshot tasks list`"))


def _task(session: ChatSession, argument: str) -> Effect:
    if not argument:
        task = session.settings.task
        return Effect((_describe(session) if task else "no task; /task NAME chooses one, /tasks lists them",))
    if argument == OFF:
        session.change(task=None, shots=0)
        return Effect(("no task: messages are a conversation again",))
    session.choose_task(argument)
    return Effect((_describe(session),))


def _describe(session: ChatSession) -> str:
    """The task, its instruction, and what a message is now."""
    settings = session.settings
    if settings.task is None:
        return "no task"
    pool = len(settings.task.task.demos)
    how = "an input, then its options, each after ' | '" if settings.task.has_item_options else "an input"
    return (
        f"task {settings.task.name} ({settings.shots} of {pool} demonstrations): {settings.task.task.spec.instruction} "
        f"[each message is {how}, answered as it is measured, without the conversation before it; /task off]"
    )


def _shots(session: ChatSession, argument: str) -> Effect:
    session.change(shots=_read_number(int, argument, "/shots N", "a number of demonstrations"))
    return Effect((f"{session.settings.shots} demonstrations before each input",))


def _compare(session: ChatSession, argument: str) -> Effect:
    if argument not in ("", "on", OFF):
        raise ConfigError([f"/compare {argument}: expected on, off, or nothing for the last message"])
    if argument:
        session.compare(argument == "on")
        names = " and ".join(speaker.name for speaker in session.speakers)
        return Effect((f"{names} answer{'s' if argument == OFF else ''} from now on",))
    session.rewind_other()
    return Effect(compares_last=True)


def _system(session: ChatSession, argument: str) -> Effect:
    session.change(system="" if argument == OFF else argument)
    text = session.settings.system
    return Effect((f"system text: {text}" if text else "no system text",))


def _max_tokens(session: ChatSession, argument: str) -> Effect:
    session.change(max_tokens=_read_number(int, argument, "/max-tokens N", "a number of tokens"))
    return Effect((f"answers of {session.settings.max_tokens} tokens at most",))


def _temperature(session: ChatSession, argument: str) -> Effect:
    session.change(temperature=_read_number(float, argument, "/temperature T", "a number; 0 is greedy"))
    return Effect((f"temperature {session.settings.temperature:g}",))


def _prompt(session: ChatSession, argument: str) -> Effect:
    if not session.last_prompt:
        raise ConfigError(["/prompt: nothing was asked yet; say something first"])
    return Effect((session.last_prompt,))


def _clear(session: ChatSession, argument: str) -> Effect:
    session.clear()
    return Effect(("the conversation is forgotten",))


def _quit(session: ChatSession, argument: str) -> Effect:
    return Effect(quits=True)


def _read_number(kind: type, argument: str, usage: str, expected: str) -> int | float:
    try:
        number: int | float = kind(argument)
    except ValueError:
        raise ConfigError([f"{usage}: {argument!r} is not {expected}"]) from None
    return number


COMMANDS: dict[str, ChatCommand] = {
    "help": ChatCommand("/help", "Show the commands.", _help),
    "task": ChatCommand("/task NAME|off", "Make messages inputs of a task, asked as it is measured.", _task),
    "tasks": ChatCommand("/tasks", "List the tasks.", _tasks),
    "shots": ChatCommand("/shots N", "Show N demonstrations of the task before each input.", _shots),
    "compare": ChatCommand(
        "/compare [on|off]", "Ask the model beside it the last message too; on: every message.", _compare
    ),
    "system": ChatCommand("/system TEXT|off", "Set the system text.", _system),
    "max-tokens": ChatCommand("/max-tokens N", "Limit the tokens of an answer.", _max_tokens),
    "temperature": ChatCommand("/temperature T", "Sample at this temperature; 0 is greedy, as measured.", _temperature),
    "prompt": ChatCommand("/prompt", "Show the last prompt as the model read it.", _prompt),
    "clear": ChatCommand("/clear", "Forget the conversation.", _clear),
    "quit": ChatCommand("/quit", "End the chat, as Ctrl-D does.", _quit),
}
