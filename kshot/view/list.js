// The list: filters, pages, the current row.
const mark = (item) => {
  for (const each of list.children) {
    each.toggleAttribute("aria-current", each === item);
    each.tabIndex = each === item ? 0 : -1;
  }
  if (item) item.setAttribute("aria-current", "true");
};
const select = (item) => {
  mark(item);
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
};
const current = () => list.querySelector("[aria-current]") || list.firstElementChild;
const move = (step) => {
  const marked = list.querySelector("[aria-current]");
  if (!marked) return list.firstElementChild && select(list.firstElementChild);
  const next = step > 0 ? marked.nextElementSibling : marked.previousElementSibling;
  if (next) return select(next);
  if (step > 0 ? (page + 1) * PAGE >= found.length : page === 0) return say(step > 0 ? "That was the last row." : "That is the first row.");
  page += step;
  show();
  select(step > 0 ? list.firstElementChild : list.lastElementChild);
};
const verdictOf = (row, wanted) => {
  const decided = decisions.get(row.key);
  if (wanted === "undecided") return Boolean(row.key) && (!decided || decided.what === "note");
  if (wanted === "noted") return Boolean(decided && decided.note);
  if (wanted === "changed") {
    return [row.key, ...(row.demos || [])].some((key) => ["refuse", "edit"].includes((decisions.get(key) || {}).what));
  }
  return Boolean(decided && decided.what === wanted);
};
const value = (row, name) => (name === "label" ? labelOf(row) : row[name]);
const textOf = (row) => {
  const { edited_input, edited_output, note: noted } = decisions.get(row.key) || {};
  return [row.task, row.input, row.output, row.rationale, row.prompt, row.candidate, row.reason, row.original, edited_input, edited_output, noted].join("\n").toLowerCase();
};
const search = () => {
  const wanted = Object.fromEntries(new FormData(form));
  const names = FILTERS[view].filter((name) => name !== "verdict" && wanted[name]);
  const text = wanted.text.trim().toLowerCase();
  found = rows[view].filter(
    (row) =>
      names.every((name) => String(value(row, name)) === wanted[name]) &&
      (!wanted.verdict || verdictOf(row, wanted.verdict)) &&
      (!text || textOf(row).includes(text)),
  );
};
const filter = () => {
  search();
  page = 0;
  show();
};
const show = () => {
  const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
  page = Math.min(Math.max(page, 0), last);
  const shown = found.slice(page * PAGE, (page + 1) * PAGE);
  list.replaceChildren(...shown.map(card));
  if (list.firstElementChild) list.firstElementChild.tabIndex = 0;
  countRows();
};
const countRows = () => {
  const [last, shown] = [Math.max(0, Math.ceil(found.length / PAGE) - 1), list.children];
  const [all, total] = [rows[view].length, start.totals[view]];
  const range = shown.length ? `${number(page * PAGE + 1)} to ${number(page * PAGE + shown.length)} of ${number(found.length)}` : "No row fits these filters.";
  const rest = all < total && all === start.counts[view] ? ` (the first ${number(all)} of ${number(total)} are here)` : "";
  by("count").textContent = total ? range + rest : `No ${view} in this run.`;
  by("previous").disabled = page === 0;
  by("next").disabled = page === last;
};
const options = () => {
  for (const label of form.querySelectorAll("label")) {
    const field = label.querySelector("select");
    if (!field) continue;
    const { name, value: kept } = field;
    const choices = name === "verdict"
      ? [["undecided", "undecided"], ["accept", "accepted"], ["refuse", "refused"], ["edit", "edited"], ["noted", "with a note"], ...(view === "records" ? [["changed", "changed when composed again"]] : [])]
      : [...new Set(rows[view].map((row) => value(row, name)))].filter((each) => each !== "" && each !== undefined).sort((a, b) => (typeof a === "number" ? a - b : a < b ? -1 : 1)).slice(0, MAX_OPTIONS).map((each) => [each, name === "k" ? `k=${each}` : visible(String(each))]);
    field.replaceChildren(new Option("all", ""), ...choices.map(([key, text]) => new Option(text, key)));
    if (choices.some(([key]) => String(key) === kept)) field.value = kept;
    label.hidden = !FILTERS[view].includes(name) || choices.length < 2;
    if (label.hidden) field.value = "";
  }
};
