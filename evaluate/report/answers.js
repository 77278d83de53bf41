// Answers: filters, pages, the words in which base and student differ, and a link to each item.
(() => {
  const PAGE = 25;
  const MAX_DIFF_WORDS = 400;
  const ITEM = ["suite", "task", "score", "k", "seed", "item"];

  // Only ever textContent, since models wrote the texts.
  const data = JSON.parse(document.getElementById("samples").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("examples");
  const count = document.getElementById("count");
  const pagers = [...document.querySelectorAll(".pager")];
  const [before, after] = [document.getElementById("previous"), document.getElementById("next")];
  const names = JSON.parse(form.dataset.names);
  const outcomes = {
    "": () => true,
    better: (row) => row.base_right < row.student_right,
    worse: (row) => row.base_right > row.student_right,
    right: (row) => row.student_right === 1,
    wrong: (row) => row.student_right < 1,
    both: (row) => row.base_right === 1 && row.student_right === 1,
    neither: (row) => row.base_right < 1 && row.student_right < 1,
    different: (row) => row.base.trim() !== row.student.trim(),
  };
  let found = data.rows;
  let page = 0;

  const words = (text) => {
    const element = make("div", text || "(nothing)", "words", ...(text ? [] : ["empty"]));
    element.dir = "auto";
    return element;
  };
  // Which words of two texts have no partner in the other, by their longest common subsequence.
  const unmatched = (one, other) => {
    const [a, b] = [one.match(/\s+|[^\s]+/g) || [], other.match(/\s+|[^\s]+/g) || []];
    if (a.length > MAX_DIFF_WORDS || b.length > MAX_DIFF_WORDS) return null;
    const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
      }
    }
    const parts = [[], []];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) {
        parts[0].push([a[i++], false]);
        parts[1].push([b[j++], false]);
      } else if (j === b.length || (i < a.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
        parts[0].push([a[i++], true]);
      } else {
        parts[1].push([b[j++], true]);
      }
    }
    return parts;
  };
  const marked = (parts) => {
    const element = words("");
    element.classList.remove("empty");
    element.replaceChildren(...parts.map(([text, alone]) => (alone && text.trim() ? make("mark", text) : text)));
    return element;
  };
  const answer = (title, text, right, shown) => {
    // Some scores know more than right and wrong.
    const mark = right === 1 ? "\u2713 right" : right === 0 ? "\u2717 wrong" : `${(100 * right).toFixed(1)} % right`;
    const group = entry(title, make("span", mark, "mark-word"), shown || words(text));
    group.classList.add(right === 1 ? "right" : "wrong");
    return group;
  };
  const address = (row) => `#item=${ITEM.map((name) => encodeURIComponent(row[name])).join("/")}`;
  const card = (row) => {
    const item = make("li");
    const parts = [row.task, `k=${row.k}`, names[row.score] || row.score, `item ${row.item}`, ...(row.seed ? [`few-shot seed ${row.seed}`] : [])];
    const fields = make("dl");
    const differs = row.base && row.student && outcomes.different(row);
    const [base, student] = (differs && unmatched(row.base, row.student)) || [];
    fields.append(
      entry("Question", words(row.input)),
      entry("Accepted", words(row.accepted.join(" / "))),
      answer("Before: base", row.base, row.base_right, base && marked(base)),
      answer("After: student", row.student, row.student_right, student && marked(student)),
    );
    const link = make("a", "link to this item");
    link.href = address(row);
    const head = make("h3", `${parts.join(" \u00b7 ")} \u00b7 `);
    head.append(link);
    item.append(head, fields);
    const prompt = data.prompts[row.prompt];
    if (prompt) {
      const details = make("details");
      details.append(make("summary", "The prompt as both models read it"));
      // Filled when opened: a page of long prompts would be slow to lay out.
      details.addEventListener("toggle", () => {
        if (details.open && details.childElementCount === 1) {
          const text = make("pre", prompt);
          text.dir = "auto";
          details.append(text);
        }
      });
      item.append(details);
    }
    return item;
  };
  const show = () => {
    const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
    page = Math.min(Math.max(page, 0), last);
    const rows = found.slice(page * PAGE, (page + 1) * PAGE);
    list.replaceChildren(...rows.map(card));
    count.textContent = rows.length
      ? `${page * PAGE + 1} to ${page * PAGE + rows.length} of ${found.length}`
      : "No answer fits these filters.";
    before.disabled = page === 0;
    after.disabled = page === last;
  };
  const filter = () => {
    const wanted = new FormData(form);
    const text = wanted.get("text").trim().toLowerCase();
    const same = (name, value) => !wanted.get(name) || wanted.get(name) === String(value);
    found = data.rows.filter(
      (row) =>
        ["suite", "task", "score", "k", "seed"].every((name) => same(name, row[name])) &&
        outcomes[wanted.get("outcome")](row) &&
        (!text || [row.input, row.base, row.student, ...row.accepted].join("\n").toLowerCase().includes(text)),
    );
    page = 0;
    alone.hidden = true;
    show();
  };
  const options = (name, label) => {
    const select = form.elements[name];
    const values = [...new Set(data.rows.map((row) => row[name]))];
    values.sort((a, b) => (typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0));
    for (const value of values) select.append(new Option(label(value), value));
    select.closest("label").hidden = values.length < 2;
  };
  options("suite", String);
  options("task", String);
  options("score", (value) => names[value] || value);
  options("seed", String);
  options("k", (value) => `k=${value}`);
  const alone = make("p", "", "quiet");
  const everything = make("button", "Show all answers");
  everything.type = "button";
  everything.addEventListener("click", () => {
    history.replaceState(null, "", "#answers");
    filter();
  });
  form.after(alone);
  // An address that names one item shows it alone.
  const follow = () => {
    alone.hidden = !location.hash.startsWith("#item=");
    if (alone.hidden) return false;
    found = data.rows.filter((row) => address(row) === location.hash);
    const text = found.length ? "One item, as its link names it. " : "No such item in this file; samples.jsonl beside it holds every answer. ";
    alone.replaceChildren(text, everything);
    page = 0;
    show();
    document.getElementById("answers").scrollIntoView({ block: "start" });
    return true;
  };
  window.addEventListener("hashchange", follow);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  const turn = (by) => {
    page += by;
    show();
    count.focus({ preventScroll: true });
    form.scrollIntoView({ block: "start" });
  };
  before.addEventListener("click", () => turn(-1));
  after.addEventListener("click", () => turn(1));
  form.hidden = false;
  pagers.forEach((pager) => (pager.hidden = false));
  if (!follow()) filter();
})();
