// Views and keys.
const go = (name) => {
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  view = name;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  by("overview").hidden = name !== "overview";
  by("list").hidden = name === "overview";
  if (name === "overview") return overview();
  by("list-title").textContent = KINDS[name];
  form.reset();
  options();
  filter();
};
const VIEWS = ["overview", ...Object.keys(KINDS)];
const route = () => go(VIEWS.find((name) => `#${name}` === location.hash) || (start.totals.examples ? "examples" : "records"));
const onItem = (act) => () => live && view !== "overview" && current() && act(current());
const onward = (what) => onItem((item) => {
  if (decide(item, what)) {
    mark(item);
    move(1);
  }
});
const KEYS = {
  j: () => view !== "overview" && move(1),
  k: () => view !== "overview" && move(-1),
  a: onward("accept"),
  r: onward("refuse"),
  e: onItem(edit),
  n: onItem(note),
  u: undo,
  "/": () => {
    if (view === "overview") go("examples");
    form.elements.text.focus();
  },
  "?": () => by("help").showModal(),
  ...Object.fromEntries(VIEWS.map((name, place) => [String(place + 1), () => go(name)])),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || by("help").open) return;
  if (event.target.closest("textarea, select, input")) {
    if (event.key === "Escape" && event.target.form === form) current()?.focus();
    return;
  }
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
let typing;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filter, 120);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
const turn = (step) => {
  page += step;
  show();
  by("count").focus({ preventScroll: true });
  form.scrollIntoView({ block: "start" });
};
by("previous").addEventListener("click", () => turn(-1));
by("next").addEventListener("click", () => turn(1));
by("keys").addEventListener("click", () => by("help").showModal());
by("undo")?.addEventListener("click", undo);
addEventListener("hashchange", route);

// Rows come in pieces; the first ones are shown while the others load.
const load = async () => {
  for (const kind of Object.keys(KINDS)) {
    while (live && rows[kind].length < start.counts[kind]) {
      const response = await fetch(`rows/${kind}?start=${rows[kind].length}`);
      if (!response.ok) throw new Error((await response.json()).error);
      const piece = await response.json();
      if (!piece.length) break;
      const isFirst = rows[kind].length === 0;
      rows[kind].push(...piece);
      by("loading").hidden = false;
      by("loading").textContent = `Loading ${kind}: ${number(rows[kind].length)} of ${number(start.counts[kind])}`;
      if (isFirst && view === kind) route();
    }
  }
  by("loading").hidden = true;
  by("main").removeAttribute("aria-busy");
  if (view === "overview") return overview();
  // The rows on the screen stay where they are.
  options();
  search();
  if (found.length > list.children.length && list.children.length < PAGE) show();
  else countRows();
};
for (const each of document.querySelectorAll("[data-count]")) each.textContent = number(start.totals[each.dataset.count]);
route();
load().catch((error) => say(`Not loaded: ${error.message}. Load the page again.`));
