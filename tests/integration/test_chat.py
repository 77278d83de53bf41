"""`kshot chat`: prompts, history, commands, pipes and a terminal, on students that answer with a fixed text."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import kshot
from kshot.chat import loop
from kshot.chat.commands import run_command
from kshot.chat.generate import Answer
from kshot.chat.opening import open_chat
from kshot.chat.session import ChatSession, ChatSettings
from kshot.core.errors import ConfigError, DataError, RunError, WeightsError
from kshot.core.files import write_json
from kshot.generate.sources import find_source
from kshot.suites.loading import load_suite
from kshot.suites.prompts import render_chat
from tests.conftest import write_suite
from tests.students import save_scripted_student

STUDENT, BASE = "Yes, \u00e9!", "Maybe \x1b[2J?"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of a scripted student, its base, and a suite that its data kept out."""
    folder = tmp_path_factory.mktemp("chat")
    base = save_scripted_student(folder / "base", BASE)
    run = folder / "runs" / "mine"
    save_scripted_student(run / "train" / "merged", STUDENT)
    write_json(run / "train" / "manifest.json", {"base": str(base)})
    suite = write_suite(folder / "held")
    write_json(run / "generate" / "manifest.json", {"config": {"generate": {"decontaminate": [str(suite)]}}})
    return folder


@pytest.fixture(autouse=True)
def in_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def chat(lines: str, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What `kshot chat` prints for these lines of stdin: answers, notes."""
    command = [sys.executable, "-m", "kshot.cli", "chat", *arguments]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_a_pipe_gets_the_answers_alone() -> None:
    answers, notes = chat("hello\n\n/system Be brief.\n//slash\n", "mine")
    assert answers == f"{STUDENT}\n" * 2
    assert "system text: Be brief." in notes


def test_beside_names_both_and_shows_control_characters() -> None:
    answers, _ = chat("hello\n", "mine", "--beside", "base")
    assert answers == f"mine: {STUDENT}\nbase: Maybe \u241b[2J?\n"


@pytest.mark.slow
def test_an_unknown_command_in_a_pipe_ends_it_with_one_line() -> None:
    answers, notes = chat("hello\n/frobnicate\nhello\n", "mine", code=2)
    assert answers == f"{STUDENT}\n"
    assert notes.strip().startswith("error: /frobnicate: no such command; /help /task")
    assert len(notes.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "no run in runs"),
        (["mine", "--shots", "2"], "name one with --task"),
        (["mine", "--task", "skyy"], "did you mean 'sky'?"),
        (["mine", "--task", "sky", "--shots", "9"], "sky has 4 demonstrations"),
        (["mine", "--dtype", "int3"], "expected auto, float32"),
        (["base", "--beside", "base"], "its base is not known"),
        (["mine", "--file", "none.yaml", "--task", "sky"], "none.yaml"),
    ],
)
def test_what_cannot_be_used_is_one_line(arguments: list[str], words: str) -> None:
    answers, notes = chat("hello\n", *arguments, code=2)
    assert answers == ""
    assert words in notes
    assert len(notes.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_interrupted_reader_ends_the_chat_quietly() -> None:
    command = f"yes hello | head -50 | {sys.executable} -m kshot.cli chat mine | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout == f"{STUDENT}\n"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("shots", [0, 2])
def test_a_task_s_prompt_is_that_of_its_evaluation(shots: int) -> None:
    session = open_chat("mine", task="sky", shots=shots)
    session.ask("something before")
    task = load_suite("held").tasks[0]
    assert session.ask(task.items[0].input) == STUDENT
    expected = render_chat(load_suite("held"), task, task.items[0], shots)
    assert session.last_prompt == session.speaker.render(expected)
    assert session.last_prompt.count("Output: ") == shots
    assert session.speaker.history == []


def test_a_prompt_s_tokens_are_those_that_measuring_sends() -> None:
    from kshot.evaluate.lm.prefix_lm import PrefixSharingLM
    from kshot.models.loading import load_student

    session = open_chat("mine")
    turns = [{"role": "user", "content": "Is <|im_end|> a token?"}]
    lm = PrefixSharingLM(*load_student("runs/mine/train/merged"))
    tokens = session.speaker.encode(turns)
    assert tokens == lm.tok_encode(lm.apply_chat_template(turns))
    # One ends the user's turn; what the user wrote stays text.
    assert tokens.count(session.speaker.chat.stop_id) == 1


def test_a_conversation_keeps_its_history_and_clear_forgets_it() -> None:
    session = kshot.chat("mine")
    assert "".join(session.stream("one")) == STUDENT
    session.ask("two")
    assert session.last_prompt.index("one") < session.last_prompt.index(STUDENT) < session.last_prompt.index("two")
    run_command(session, "/clear")
    session.ask("three")
    assert "one" not in session.last_prompt


def test_a_full_context_loses_its_oldest_turns_and_says_so(tmp_path: Path) -> None:
    notes: list[str] = []
    session = open_chat(str(save_scripted_student(tmp_path / "small", STUDENT, context=200)))
    session.note = notes.append
    session.settings = ChatSettings(max_tokens=20)
    for number in range(8):
        assert session.ask(f"message {number}") == STUDENT
        assert len(session.speaker.encode(session.speaker.history[:-1])) + 20 <= 200
    assert "message 0" not in session.last_prompt
    assert "message 6" in session.last_prompt
    assert "the context is full; the first 1 messages and answers are left out" in notes[0]
    with pytest.raises(DataError, match=r"the prompt has \d+ tokens; small takes 180 before an answer"):
        session.ask("x" * 200)
    assert session.ask("after") == STUDENT


def test_an_answer_is_cut_at_its_limit_and_says_so() -> None:
    notes: list[str] = []
    session = open_chat("mine", settings=ChatSettings(max_tokens=3))
    session.note = notes.append
    assert session.ask("hello") == "Yes"
    assert notes == ["mine: the answer was cut after 3 tokens"]


def test_an_answer_stopped_early_stays_in_the_history() -> None:
    session = kshot.chat("mine")
    pieces = session.stream("hello")
    first = next(pieces)
    pieces.close()
    assert STUDENT.startswith(first)
    assert session.speaker.history[-1] == {"role": "assistant", "content": first}


def test_pieces_never_split_a_character() -> None:
    speaker = open_chat("mine").speaker
    pieces = list(speaker.stream([{"role": "user", "content": "hello"}], 50, 0, Answer()))
    assert "".join(pieces) == STUDENT
    assert len(pieces) > 3
    assert all("\ufffd" not in piece for piece in pieces)


def test_compare_asks_the_base_the_last_message_and_then_each() -> None:
    session = open_chat("mine")
    session.ask("one")
    assert run_command(session, "/compare").compares_last
    assert session.other.history == []
    assert "".join(session.answer(session.other, session.last_message)) == BASE
    session.ask("two")
    run_command(session, "/compare on")
    assert [speaker.name for speaker in session.speakers] == ["mine", "base"]
    assert session.other.history == session.speaker.history
    run_command(session, "/compare off")
    assert [speaker.name for speaker in session.speakers] == ["mine"]


def test_compare_in_a_pipe_shows_both_answers() -> None:
    answers, _ = chat("hello\n/compare\n", "mine")
    assert answers == f"{STUDENT}\nmine: {STUDENT}\nbase: Maybe \u241b[2J?\n"


def test_commands_change_the_session() -> None:
    session = open_chat("mine", find_source=lambda name: find_source(name, []))
    assert "sky (0 of 4 demonstrations): Is it day or night?" in run_command(session, "/task sky").notes[0]
    run_command(session, "/shots 3")
    assert session.settings.shots == 3
    for line in ("/shots 5", "/shots many", "/task nowhere", "/max-tokens 0", "/temperature -1", "/compare maybe"):
        before = session.settings
        with pytest.raises(ConfigError):
            run_command(session, line)
        assert session.settings == before
    run_command(session, "/task off")
    assert (session.settings.task, session.settings.shots) == (None, 0)
    run_command(session, "/task reverse_letters")
    session.ask("abc")
    assert "Input: abc\nOutput:" in run_command(session, "/prompt").notes[0]
    assert run_command(session, "/quit").quits


def test_tasks_lists_those_of_the_run_and_what_is_gone(tmp_path: Path) -> None:
    write_json(
        tmp_path / "runs" / "other" / "generate" / "manifest.json",
        {"config": {"generate": {"decontaminate": ["gone_suite"], "tasks": ["gone.yaml"]}}},
    )
    session = open_chat("mine")
    assert "held: sky, echo" in run_command(session, "/tasks").notes
    session.tasks._run = tmp_path / "runs" / "other"
    del session.tasks.by_origin
    notes = run_command(session, "/tasks").notes
    assert any(note.startswith("left out: gone_suite") for note in notes)
    assert any(note.startswith("left out: gone.yaml: no such file of tasks") for note in notes)


def test_a_task_file_gives_demonstrations_and_the_system_prompt(tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text(
        "- id: moods\n  category: own\n  system: You label moods.\n  descriptions: ['Which mood is it?']\n"
        "  labels: [glad, sad]\n  examples:\n"
        "  - {input: sunny, output: glad}\n  - {input: rainy, output: sad}\n  - {input: stormy, output: sad}\n"
    )
    session = open_chat("mine", files=[path], task="moods", shots=2)
    session.ask("foggy")
    assert "You label moods." in session.last_prompt
    assert "Which mood is it?\nOptions:\n- glad\n- sad" in session.last_prompt
    assert session.last_prompt.count("Output: ") == 2


def test_item_options_follow_the_input() -> None:
    session = open_chat("mine")
    session.choose_task("echo")
    assert not session.tasks.find("echo").has_item_options
    task = next(task for tasks in session.tasks.by_origin.values() for task in tasks if task.has_item_options)
    session.choose_task(task.name)
    session.ask("which? | one | two")
    assert "which?\nOptions:\n- one\n- two\nOutput:" in session.last_prompt
    with pytest.raises(ConfigError, match="write INPUT"):
        session.ask("which?")


def test_sampling_differs_from_greedy_answers() -> None:
    session = open_chat("mine", settings=ChatSettings(temperature=5.0, max_tokens=40))
    assert session.ask("hello") != STUDENT


def test_a_run_without_a_student_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "new" / "generate").mkdir(parents=True)
    with pytest.raises(RunError, match="run `kshot train`"):
        open_chat("new")
    with pytest.raises(WeightsError):
        open_chat("neww")


@pytest.mark.slow
def test_line_that_is_not_utf8_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kshot.cli", "chat", "mine"], input=b"hello\n\xff\xfe\n", capture_output=True
    )
    assert done.returncode == 2
    assert b"error: stdin:2: not UTF-8" in done.stderr


def test_a_terminal_edits_stops_and_ends(place: Path) -> None:
    """Ctrl-C clears the line, Ctrl-D ends the chat, and no control sequence of a model reaches the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        # A suite that runs in the background ignores SIGINT, which its children would inherit.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "kshot.cli", "chat", "base"])
    shown = b""

    def wait_for(seen: Callable[[], bool], press: bytes = b"") -> None:
        """Read the terminal until the condition holds; press the key again each two seconds."""
        nonlocal shown
        deadline, pressed = time.monotonic() + 60, 0.0
        while not seen():
            assert time.monotonic() < deadline, shown
            if press and time.monotonic() > pressed + 2:
                os.write(terminal, press)
                pressed = time.monotonic()
            if select.select([terminal], [], [], 0.5)[0]:
                shown += os.read(terminal, 4096)

    def wait_for_prompt(after: bytes = b"", press: bytes = b"") -> None:
        """Until these words are shown, and a prompt behind them."""
        wait_for(lambda: b"> " in (shown.partition(after)[2] if after else shown), press)

    wait_for_prompt()
    os.write(terminal, b"hello\n")
    wait_for_prompt("Maybe \u241b[2J?".encode())
    assert b"\x1b[2J" not in shown
    os.write(terminal, b"/nonsense\n")
    wait_for_prompt(b"no such command")
    os.write(terminal, b"half a li")
    wait_for(lambda: shown.endswith(b"half a li"))
    # CPython loses a SIGINT that comes just before it waits for a key, until the next key: press again then.
    wait_for_prompt(b"Ctrl-D or /quit ends the chat", press=b"\x03")
    time.sleep(0.3)
    os.write(terminal, b"\x04")
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    if ended == (0, 0):
        os.kill(pid, signal.SIGKILL)
        ended = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(ended[1]) == 0


def test_ctrl_c_stops_an_answer_and_not_the_chat(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_chat("mine")
    lines = iter(["hello", "again", None])
    write, written = loop._write, []

    def write_and_interrupt(text: str) -> None:
        write(text)
        written.append(text)
        if len(written) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(loop, "is_terminal", lambda: True)
    monkeypatch.setattr(loop, "_type_message", lambda: next(lines))
    monkeypatch.setattr(loop, "_write", write_and_interrupt)
    loop.run_chat(session)
    out, err = capfd.readouterr()
    assert "mine: stopped" in err
    assert out == f"{STUDENT[:2]}\n{STUDENT}\n"
    assert [turn["content"] for turn in session.speaker.history] == ["hello", STUDENT[:2], "again", STUDENT]


def test_session_refuses_settings_that_cannot_be_used() -> None:
    for settings in (ChatSettings(max_tokens=0), ChatSettings(temperature=float("nan")), ChatSettings(shots=1)):
        with pytest.raises(ConfigError):
            settings.check()
    assert isinstance(kshot.chat("mine"), ChatSession)
