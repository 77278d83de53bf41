"""The page of `kshot view` in a real browser: what a person sees, decides and sends on."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kshot.generate.curation.decisions.log import read_decisions
from kshot.generate.run_files import Decision
from kshot.view.contents import load_contents
from kshot.view.page import write_page
from kshot.view.server import ViewServer
from tests.integration.browsing import CONTRAST, DESKTOP, PHONE, UNNAMED, Opened, open_browser
from tests.unit.viewing import HOSTILE, make_run, serving_view


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("view"), made=40)


@pytest.fixture
def run(made: Path) -> Iterator[Path]:
    yield made
    (made / "generate" / "decisions.jsonl").unlink(missing_ok=True)


@pytest.fixture
def server(run: Path) -> Iterator[ViewServer]:
    with serving_view(run) as started:
        yield started


class Viewed(Opened):
    """The page, loaded whole."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        super().__init__(browser, address, **settings)
        self.page.wait_for_selector("main:not([aria-busy])")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true; Playwright's own way is an eval, which the page's policy refuses."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(condition)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def open(self, view: str) -> None:
        self.page.locator(f'#views a[href="#{view}"]').click()
        self.wait(f"location.hash === '#{view}'")

    def head(self, place: int = 0) -> str:
        """The first line of a row."""
        return " ".join(self.page.locator("#rows > li").nth(place).locator("h3 span").all_text_contents())

    def said(self, text: str) -> None:
        """Wait for what the page says."""
        self.page.locator("#said").get_by_text(text).wait_for()


@pytest.fixture
def viewed(browser: Any, server: ViewServer) -> Iterator[Viewed]:
    one = Viewed(browser, f"{server.url}#examples")
    yield one
    one.context.close()


def decisions_of(run: Path) -> list[Decision]:
    return list(read_decisions(run / "generate" / "decisions.jsonl").by_key.values())


def test_page_opens_without_an_error_and_asks_its_own_server_only(viewed: Viewed, server: ViewServer) -> None:
    assert viewed.page.locator("#rows > li").count() == 25
    assert viewed.page.locator("#count").text_content() == "1 to 25 of 52"
    assert viewed.faults == []
    assert viewed.asked
    assert all(url.startswith((server.url, "data:")) for url in viewed.asked)


def test_keys_accept_and_refuse_and_go_on(viewed: Viewed, run: Path) -> None:
    viewed.press("a", "r", "j", "a")
    viewed.said("3 decided")
    assert [viewed.head(place).split()[-1] for place in range(4)] == ["accepted", "refused", "m", "accepted"]
    assert [decision.what for decision in decisions_of(run)] == ["accept", "refuse", "accept"]
    place = "[...document.querySelectorAll('#rows > li')].indexOf(document.activeElement)"
    assert viewed.page.evaluate(place) == 4, "the row after the last decision is the current one"
    viewed.press("k", "k")
    assert viewed.page.evaluate(place) == 2
    viewed.page.reload()
    viewed.page.wait_for_selector("#rows > li")
    assert viewed.head(1).endswith("refused")


def test_buttons_decide_as_the_keys_do(viewed: Viewed, run: Path) -> None:
    second = viewed.page.locator("#rows > li").nth(1)
    second.get_by_role("button", name="Refuse").click()
    viewed.said("Refused. 1 decided.")
    assert second.get_by_role("button", name="Refuse").get_attribute("aria-pressed") == "true"
    assert decisions_of(run)[0].what == "refuse"


def test_undo_takes_decisions_back_one_by_one(viewed: Viewed, run: Path) -> None:
    viewed.press("a", "k", "r")
    viewed.said("Refused")
    assert viewed.head().endswith("refused")
    viewed.press("u")
    viewed.said("Undone")
    assert viewed.head().endswith("accepted")
    viewed.page.click("#undo")
    viewed.wait("!document.querySelector('#rows .badge')")
    assert viewed.page.locator("#undo").is_disabled()
    assert decisions_of(run) == []


def test_edit_changes_input_and_label(viewed: Viewed, run: Path) -> None:
    viewed.press("j", "e")
    form = viewed.page.locator("#rows > li").first.locator("form")
    form.get_by_label("Input").fill("My own words, ünï 漢字.")
    form.get_by_label("Output").select_option("sad")
    viewed.press("Control+Enter")
    viewed.said("Edited")
    first = viewed.page.locator("#rows > li").first
    assert first.locator(".was").all_text_contents() == ["Made message number 0 about a day.", "glad"]
    (decision,) = decisions_of(run)
    assert (decision.edited_input, decision.edited_output) == ("My own words, ünï 漢字.", "sad")
    assert viewed.faults == []


def test_edit_that_could_not_be_honoured_stays_open_with_the_reason(viewed: Viewed, run: Path) -> None:
    viewed.press("j", "e")
    form = viewed.page.locator("#rows > li").first.locator("form")
    for text, reason in (("  ", "The input is empty."), ("Made message number 3 about a day.", "has this input")):
        form.get_by_label("Input").fill(text)
        form.get_by_role("button", name="Save").click()
        form.get_by_role("alert").get_by_text(reason).wait_for()
    viewed.press("Escape")
    assert form.count() == 0
    assert decisions_of(run) == []


def test_note_stands_beside_a_decision(viewed: Viewed, run: Path) -> None:
    viewed.press("a", "k", "n")
    viewed.page.keyboard.type("short <b>but right")
    viewed.press("Control+Enter")
    viewed.page.locator("#rows > li").first.get_by_text("short <b>but right").wait_for()
    assert viewed.head().endswith("accepted")
    assert [(decision.what, decision.note) for decision in decisions_of(run)] == [("accept", "short <b>but right")]


def test_a_late_answer_leaves_what_a_person_is_writing(viewed: Viewed) -> None:
    viewed.page.evaluate(
        "() => { const send = fetch; window.fetch = (...all) => new Promise((done) => "
        "setTimeout(() => done(send(...all)), 300)); }"
    )
    viewed.press("a", "k", "n")
    viewed.page.keyboard.type("half a sent")
    viewed.said("Accepted")
    viewed.page.keyboard.type("ence")
    assert viewed.page.locator("#rows textarea").input_value() == "half a sentence"


def test_filters_and_search_choose_rows(viewed: Viewed) -> None:
    page, count = viewed.page, viewed.page.locator("#count")
    page.select_option("select[name=task]", "mood")
    page.select_option("select[name=mode]", "gold")
    count.get_by_text("1 to 8 of 8").wait_for()
    page.select_option("select[name=label]", "sad")
    count.get_by_text("1 to 4 of 4").wait_for()
    viewed.press("Escape")
    page.locator("#rows > li").first.focus()
    viewed.press("r")
    viewed.said("Refused")
    page.select_option("select[name=verdict]", "undecided")
    count.get_by_text("1 to 3 of 3").wait_for()
    page.locator("#rows > li").first.focus()
    viewed.press("/")
    page.keyboard.type("KEYS AGAIN")
    count.get_by_text("1 to 1 of 1").wait_for()
    page.keyboard.type("jaren")
    count.get_by_text("No row fits these filters.").wait_for()
    assert viewed.faults == []


def test_pages_turn_by_button_and_by_key(viewed: Viewed) -> None:
    viewed.page.click("#next")
    assert viewed.page.locator("#count").text_content() == "26 to 50 of 52"
    viewed.page.locator("#rows > li").last.focus()
    viewed.press("j")
    assert viewed.page.locator("#count").text_content() == "51 to 52 of 52"
    viewed.press("k")
    assert viewed.page.locator("#count").text_content() == "26 to 50 of 52"


def test_records_show_prompts_and_the_decisions_on_their_examples(viewed: Viewed, run: Path) -> None:
    viewed.open("records")
    viewed.page.select_option("select[name=task]", "mood")
    viewed.page.select_option("select[name=k]", "2")
    viewed.wait("document.querySelectorAll('#rows > li').length < 25")
    first = viewed.page.locator("#rows > li").first
    assert "Made message" in str(first.locator("pre").text_content())
    first.focus()
    viewed.press("r")
    viewed.said("Refused")
    assert viewed.head().endswith("refused")
    key = decisions_of(run)[0].key
    viewed.page.select_option("select[name=k]", "")
    viewed.page.select_option("select[name=verdict]", "changed")
    affected = [record for record in load_contents(run).records if key in (record.key, *record.demos)]
    viewed.page.locator("#count").get_by_text(f"of {len(affected)}").wait_for()


def test_a_reject_that_is_a_whole_example_can_be_accepted(viewed: Viewed, run: Path) -> None:
    viewed.open("rejects")
    first = viewed.page.locator("#rows > li").first
    assert "solves disagree: 0.33 agree" in str(first.text_content())
    first.get_by_role("button", name="Accept").click()
    viewed.said("Accepted")
    assert [(row.what, row.input) for row in decisions_of(run)] == [("accept", "nearly right")]
    viewed.page.select_option("select[name=mode]", "rephrase")
    viewed.wait("document.querySelectorAll('#rows > li').length === 1")
    assert viewed.page.locator("#rows .actions").count() == 0


def test_overview_counts_what_was_decided(viewed: Viewed) -> None:
    viewed.press("a", "r")
    viewed.said("2 decided")
    viewed.press("1")
    cards = viewed.page.locator("#cards li").all_text_contents()
    assert cards[:4] == ["43made examples", "41undecided of them", "1accepted", "1refused"]
    line = viewed.page.locator("#by-task tbody tr", has_text="mood").locator("td").all_text_contents()
    assert line == ["8", "40", "1", "1", "0", "46"]
    labels = viewed.page.locator("#plots figure").first
    assert labels.locator("figcaption").text_content() == "Labels of mood"
    assert labels.locator("li").all_text_contents() == ["glad24", "sad23"]
    viewed.page.get_by_role("button", name="echo").click()
    assert viewed.page.locator("#count").text_content() == "1 to 4 of 4"


def test_hostile_text_is_shown_as_text_and_runs_nothing(viewed: Viewed) -> None:
    page = viewed.page
    for view in ("records", "examples"):
        viewed.open(view)
        page.select_option("select[name=task]", "echo")
        viewed.wait("![...document.querySelectorAll('#rows h3')].some((one) => one.textContent.includes('mood'))")
        shown = "\n".join(page.locator("#rows").all_text_contents())
        assert "</script><script>owned=1</script>" in shown
    assert HOSTILE[1] in shown
    assert "\u241b[31mred\u241b[0m [U+202E]turned" in shown
    assert page.locator("main script, main img, main iframe").count() == 0
    # Even what slips into the markup by a mistake of ours must not run.
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=\"owned = 1\">')")
    page.wait_for_timeout(100)
    assert page.evaluate("typeof owned") == "undefined"


def test_help_opens_by_its_key_and_closes(viewed: Viewed) -> None:
    viewed.press("?")
    assert viewed.page.locator("#help").is_visible()
    viewed.press("a")
    viewed.press("Escape")
    assert not viewed.page.locator("#help").is_visible()
    assert viewed.page.locator("#rows .badge").count() == 0, "keys do nothing behind the dialog"


def test_a_server_that_is_gone_is_said_and_nothing_seems_saved(viewed: Viewed, server: ViewServer) -> None:
    viewed.context.route("**/decisions", lambda route: route.abort())
    viewed.press("a")
    viewed.said("Not saved: kshot view does not answer")
    assert viewed.page.locator("#rows .badge").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_page_fits_the_screen_and_has_contrast(
    browser: Any, server: ViewServer, scheme: str, viewport: dict[str, int]
) -> None:
    one = Viewed(browser, f"{server.url}#examples", viewport=viewport, color_scheme=scheme)
    one.press("a", "r", "e")
    one.said("2 decided")
    for view in ("examples", "records", "rejects", "overview"):
        assert one.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], view
        assert one.page.evaluate(CONTRAST) == []
        assert one.page.evaluate(UNNAMED) == 0
        one.open(view)
    one.context.close()


def test_focus_is_visible_and_the_page_has_its_landmarks(viewed: Viewed) -> None:
    viewed.press("Tab")
    assert viewed.page.evaluate("document.activeElement.className") == "skip"
    viewed.press("j")
    assert viewed.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert viewed.page.locator("main h2:visible").count() == viewed.page.locator("h1").count() == 1


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_file_to_send_on_reads_without_a_server(
    browser: Any, run: Path, tmp_path: Path, viewport: dict[str, int]
) -> None:
    write_page(tmp_path / "sent.html", load_contents(run))
    address = (tmp_path / "sent.html").as_uri()
    one = Viewed(browser, address, viewport=viewport)
    assert one.page.locator("#count").text_content() == "1 to 25 of 52"
    one.press("a", "r", "e", "n", "u")
    assert one.page.locator(".actions, #undo, .badge, form.editor").count() == 0
    one.press("/")
    one.page.keyboard.type("two lines")
    one.page.locator("#count").get_by_text("1 to 1 of 1").wait_for()
    for view in ("records", "rejects", "overview"):
        one.open(view)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert one.faults == []
    assert {url.split("#")[0] for url in one.asked if not url.startswith("data:")} == {address}
    one.context.close()


@pytest.mark.slow
def test_thousands_of_rows_stay_smooth(browser: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path, made=6000, records=8000)
    with ViewServer(run) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        one = Viewed(browser, f"{server.url}#examples")
        for view, total in (("examples", "6,012"), ("records", "8,000")):
            one.open(view)
            one.page.locator("#count").get_by_text(f"of {total}").wait_for()
            seconds = one.page.evaluate(
                "() => { const began = performance.now(); form.elements.text.value = '77'; filter();"
                " return (performance.now() - began) / 1000; }"
            )
            assert seconds < 1, view
        assert one.faults == []
        one.context.close()
        server.shutdown()
