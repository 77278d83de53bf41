(() => {
  const PAGE = 25;
  const say = document.getElementById("said");

  // Tables: a button in each heading sorts by its column. Numbers begin with the largest.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const number = head.dataset.kind === "number";
      const value = (row) => {
        const cell = row.cells[column];
        return number ? Number.parseFloat(cell.dataset.value) : cell.textContent.trim();
      };
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const down = was ? was === "ascending" : number;
        const rows = [...table.tBodies[0].rows].map((row, place) => ({ row, place, value: value(row) }));
        rows.sort((a, b) => {
          if (number && (Number.isNaN(a.value) || Number.isNaN(b.value))) {
            return Number.isNaN(a.value) - Number.isNaN(b.value) || a.place - b.place;
          }
          const order = number ? a.value - b.value : a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
          return (down ? -order : order) || a.place - b.place;
        });
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        table.tBodies[0].append(...rows.map((entry) => entry.row));
        say.textContent = `Sorted by ${button.textContent.trim()}, ${down ? "descending" : "ascending"}.`;
      });
    });
  }

  // Examples: only ever textContent, since models wrote them.
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
  };
  let found = data.rows;
  let page = 0;

  const words = (text) => {
    const element = make("div", text || "(nothing)", "words", ...(text ? [] : ["empty"]));
    element.dir = "auto";
    return element;
  };
  const answer = (title, text, right) => {
    // Some scores know more than right and wrong.
    const mark = right === 1 ? "\u2713 right" : right === 0 ? "\u2717 wrong" : `${(100 * right).toFixed(1)} % right`;
    const group = entry(title, make("span", mark, "mark-word"), words(text));
    group.classList.add(right === 1 ? "right" : "wrong");
    return group;
  };
  const card = (row) => {
    const item = make("li");
    const parts = [row.task, `k=${row.k}`, names[row.score] || row.score, `item ${row.item}`, ...(row.seed ? [`few-shot seed ${row.seed}`] : [])];
    const fields = make("dl");
    fields.append(
      entry("Question", words(row.input)),
      entry("Accepted", words(row.accepted.join(" / "))),
      answer("Before: base", row.base, row.base_right),
      answer("After: student", row.student, row.student_right),
    );
    item.append(make("h3", parts.join(" \u00b7 ")), fields);
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
  filter();
})();
