"""The HTML report in a real browser, from file://, as a person or a screen reader meets it."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browsing import CONTRAST, DESKTOP, PHONE, UNNAMED, Opened, open_browser
from tests.unit.test_report_html import HOSTILE, SHOTS, render, write_folder

ITEMS = 9
PAIRS = 2 * 2 * len(SHOTS) * ITEMS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("report") / "run" / "evaluate", ITEMS)
    render(folder)
    return folder / "report.html"


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    one = Opened(browser, report.as_uri())
    yield one
    one.context.close()


def test_report_opens_without_an_error_and_asks_no_network(opened: Opened, report: Path) -> None:
    assert opened.page.locator("#examples > li").count() == 25
    assert opened.faults == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [report.as_uri()]


def test_report_shows_hostile_answers_as_text(opened: Opened) -> None:
    page = opened.page
    page.select_option("select[name=task]", "sky")
    shown = [page.locator("#examples .words").nth(n).text_content() for n in range(4 * 9)]
    assert HOSTILE[0] in shown
    assert HOSTILE[1] in shown
    assert "nul\u2400bell\u2407" in shown
    assert "lone \ufffd surrogate" in shown
    assert page.title() == "r<i>: gain of the student over its base"
    assert page.locator("main script, main iframe, main i, main b").count() == 0
    assert page.locator("main img").count() == page.locator("main picture").count() == 2
    # Even what slips into the markup by a mistake of ours must not run.
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=\"owned = 1\">')")
    page.wait_for_timeout(100)
    assert page.evaluate("typeof owned") == "undefined"


def test_report_table_sorts_by_mouse_and_by_keyboard(opened: Opened) -> None:
    page = opened.page
    table = page.locator("table.sortable").first

    def order() -> list[str]:
        return [str(text) for text in table.locator("tbody th").all_text_contents()]

    assert order() == ["echo", "sky"]
    button = table.get_by_role("button", name="k=4")
    head = table.locator("thead th").nth(2)
    assert head.get_attribute("aria-sort") is None
    button.click()
    assert (order(), head.get_attribute("aria-sort")) == (["echo", "sky"], "descending")
    button.focus()
    page.keyboard.press("Enter")
    assert (order(), head.get_attribute("aria-sort")) == (["sky", "echo"], "ascending")
    assert page.locator("#said").text_content() == "Sorted by k=4, ascending."
    table.get_by_role("button", name="task").press("Space")
    assert (order(), head.get_attribute("aria-sort")) == (["echo", "sky"], None)
    table.get_by_role("button", name="task").click()
    assert order() == ["sky", "echo"]
    assert opened.faults == []


def test_report_filters_and_pages_answers(opened: Opened) -> None:
    page = opened.page
    count = page.locator("#count")
    assert count.text_content() == f"1 to 25 of {PAIRS}"
    assert page.locator("#previous").is_disabled()
    page.click("#next")
    assert count.text_content() == f"26 to 50 of {PAIRS}"
    page.click("#next")
    assert count.text_content() == f"51 to {PAIRS} of {PAIRS}"
    assert page.locator("#next").is_disabled()
    page.locator("select[name=task]").select_option("sky")
    assert count.text_content() == f"1 to 25 of {PAIRS // 2}"
    page.locator("select[name=k]").select_option("4")
    page.locator("select[name=score]").select_option("exact_match")
    assert count.text_content() == f"1 to {ITEMS} of {ITEMS}"
    page.locator("select[name=outcome]").select_option("better")
    heads = page.locator("#examples h3").all_text_contents()
    assert [head.split(" \u00b7 ")[3] for head in heads] == ["item 1", "item 3", "item 5", "item 7"]
    assert page.locator("#examples .wrong dt").all_text_contents() == ["Before: base"] * 4
    page.locator("input[name=text]").fill("no such words")
    assert page.locator("#examples > li").count() == 0
    assert count.text_content() == "No answer fits these filters."
    page.locator("input[name=text]").fill("{{ 7")
    assert count.text_content() == "1 to 1 of 1"
    # One suite and one few-shot seed: nothing to choose there.
    assert not page.locator("select[name=suite]").is_visible()
    assert not page.locator("select[name=seed]").is_visible()
    assert opened.faults == []


def test_report_shows_answers_that_are_partly_right(browser: Any, report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "evaluate"
    shutil.copytree(report.parent, folder)
    samples = folder / "samples.jsonl"
    samples.write_text(samples.read_text().replace('"right": true', '"right": 0.625'))
    render(folder)
    one = Opened(browser, (folder / "report.html").as_uri())
    assert set(one.page.locator("#examples .mark-word").all_text_contents()) == {"\u2717 wrong", "62.5 % right"}
    one.page.locator("select[name=outcome]").select_option("right")
    assert one.page.locator("#examples > li").count() == 0
    one.page.locator("select[name=outcome]").select_option("better")
    assert one.page.locator("#count").text_content() == f"1 to 25 of {2 * 2 * len(SHOTS) * (ITEMS // 2)}"
    one.context.close()


def test_report_opens_texts_side_by_side(opened: Opened) -> None:
    for section in ("#contamination", "#forgetting"):
        pair = opened.page.locator(f"{section} .pair").first
        assert not pair.locator("dl").is_visible()
        pair.locator("summary").focus()
        opened.page.keyboard.press("Enter")
        assert pair.locator("dl").is_visible()
        assert any(HOSTILE[0] in text for text in pair.locator("dd").all_text_contents())
    assert opened.faults == []


def test_report_opens_a_prompt(opened: Opened) -> None:
    first = opened.page.locator("#examples > li").first
    first.locator("summary").click()
    assert first.locator("pre").text_content() == "ask 0 k=0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_report_fits_the_screen_and_has_contrast(
    browser: Any, report: Path, scheme: str, viewport: dict[str, int]
) -> None:
    one = Opened(browser, report.as_uri(), viewport=viewport, color_scheme=scheme)
    one.page.evaluate("document.querySelectorAll('.pair').forEach((pair) => { pair.open = true; })")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    paper = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert one.page.evaluate(CONTRAST) == []
    picture = one.page.screenshot(full_page=True)
    assert len(picture) > 20_000
    one.context.close()


def test_report_names_every_control_and_shows_its_focus(opened: Opened) -> None:
    page = opened.page
    unnamed = page.evaluate(UNNAMED)
    assert unnamed == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


def test_report_shows_results_without_scripts(browser: Any, report: Path) -> None:
    one = Opened(browser, report.as_uri(), java_script_enabled=False)
    assert one.page.locator("table.sortable").first.is_visible()
    assert not one.page.locator("form").is_visible()
    assert one.page.locator("noscript p").is_visible()
    one.context.close()


@pytest.mark.parametrize(("motion", "expected"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_report_moves_nothing_under_reduced_motion(browser: Any, report: Path, motion: str, expected: str) -> None:
    one = Opened(browser, report.as_uri(), reduced_motion=motion)
    assert one.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == expected
    one.context.close()


def test_report_saves_a_table_as_csv(opened: Opened) -> None:
    page = opened.page
    tables = page.locator("table").count()
    assert page.locator("button.save").count() == tables > 2
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV: Scores in percent, gains in points").click()
    assert download.value.suggested_filename == "scores-in-percent-gains-in-points.csv"
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    assert rows[0][:4] == ["suite", "score", "k", "base"]
    cells = page.locator("#scores tbody tr").first.locator("td").all_text_contents()
    assert rows[1] == [" ".join(cell.split()) for cell in cells]
    with page.expect_download() as download:
        page.locator("#tasks button.save").first.click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert " → " in text
    assert "(" in text
    assert opened.faults == []


def test_report_shows_where_base_and_student_differ(browser: Any, report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "evaluate"
    shutil.copytree(report.parent, folder)
    samples = folder / "samples.jsonl"
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    for row in rows:
        if row["item"] == 2:
            row["answer"] = "the blue sky today" if row["model"] == "base" else "the grey sky <b>today</b>"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    render(folder)
    one = Opened(browser, (folder / "report.html").as_uri())
    page = one.page
    page.select_option("select[name=outcome]", "different")
    heads = page.locator("#examples h3").all_text_contents()
    assert heads
    assert {head.split(" \u00b7 ")[3] for head in heads} == {"item 2"}
    first = page.locator("#examples > li").first
    assert first.locator("mark").all_text_contents() == ["blue", "today", "grey", "<b>today</b>"]
    assert first.locator(".words").nth(3).text_content() == "the grey sky <b>today</b>"
    assert one.faults == []
    one.context.close()


def test_report_links_to_a_single_item(browser: Any, report: Path, opened: Opened) -> None:
    page = opened.page
    page.select_option("select[name=task]", "sky")
    link = page.locator("#examples h3 a").nth(2)
    head = str(page.locator("#examples h3").nth(2).text_content())
    address = str(link.get_attribute("href"))
    link.click()
    assert page.locator("#examples h3").all_text_contents() == [head]
    again = Opened(browser, report.as_uri() + address)
    assert again.page.locator("#examples h3").all_text_contents() == [head]
    again.page.get_by_role("button", name="Show all answers").click()
    assert again.page.locator("#examples > li").count() == 25
    again.page.evaluate("location.hash = '#item=no/such/item/0/0/0'")
    again.page.get_by_text("No such item in this file").wait_for()
    assert again.faults == []
    again.context.close()
