// What all parts of the page share: rows, decisions, and elements whose text is only ever set as text.
const PAGE = 25;
const CLIPPED_CHARS = 1200;
const MAX_BARS = 12;
const MAX_OPTIONS = 500;
const KINDS = { examples: "Examples", records: "Records", rejects: "Rejects" };
const FILTERS = {
  examples: ["task", "mode", "label", "verified_by", "verdict"],
  records: ["task", "mode", "label", "k", "verdict"],
  rejects: ["task", "mode", "kind", "verdict"],
};
const VERDICTS = { accept: "accepted", refuse: "refused", edit: "edited", note: "noted" };
const SAID = { accept: "Accepted", refuse: "Refused", edit: "Edited", note: "Noted", undo: "Note deleted" };
const by = (id) => document.getElementById(id);
const start = JSON.parse(by("start").textContent);
const live = start.token !== "";
const rows = { examples: [], records: [], rejects: [], ...start.rows };
const decisions = new Map(Object.entries(start.decisions));
const list = by("rows");
const form = by("filters");
const past = [];
let view = "overview";
let found = [];
let page = 0;
let queue = Promise.resolve();

// What a teacher wrote is only ever set as text. Signs that hide or turn text are shown by their names.
const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (sign) => {
    const code = sign.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
const words = (text, ...classes) => {
  const element = make("div", visible(text) || "(nothing)", "words", ...(text ? [] : ["empty"]), ...classes);
  element.dir = "auto";
  return element;
};
const button = (text, act, ...classes) => {
  const element = make("button", text, ...classes);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
};
const number = (count) => count.toLocaleString("en");
let silence;
const say = (text) => {
  by("said").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => (by("said").textContent = ""), 4000);
};

// Decisions.
const present = (row) => {
  const decided = decisions.get(row.key);
  const edited = decided && decided.what === "edit";
  return edited ? { input: decided.edited_input, output: decided.edited_output } : row;
};
const labelOf = (row) => {
  if (row.label !== undefined) return row.label;
  const task = start.tasks[row.task];
  return task && task.labels.length ? present(row).output : "";
};
const post = async (key, change) => {
  let reply;
  try {
    const response = await fetch("decisions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Kshot-Token": start.token },
      body: JSON.stringify({ ...change, key }),
    });
    reply = await response.json();
  } catch {
    reply = { error: "kshot view does not answer; start it again" };
  }
  if (reply.error) {
    say(`Not saved: ${reply.error}.`);
    return false;
  }
  if (reply.what === "undo") decisions.delete(key);
  else decisions.set(key, reply);
  for (const item of list.children) if (item.keys.includes(key)) renew(item);
  return true;
};
// One decision after the other: each begins from what the one before it left.
const enqueue = (work) => {
  queue = queue.then(work);
  return queue;
};
const send = (key, change) =>
  enqueue(async () => {
    const before = decisions.get(key);
    const made = { note: before ? before.note : "", ...(typeof change === "function" ? change(before) : change) };
    if (!(await post(key, made))) return false;
    past.push([key, before]);
    by("undo").disabled = false;
    say(`${SAID[made.what]}. ${number(decisions.size)} decided.`);
    return true;
  });
const undo = () =>
  live &&
  enqueue(async () => {
    if (!past.length) return;
    const [key, before] = past.at(-1);
    if (!(await post(key, before || { what: "undo" }))) return;
    past.pop();
    by("undo").disabled = past.length === 0;
    say("Undone.");
    const item = [...list.children].find((each) => each.row.key === key);
    if (item) select(item);
  });
const decide = (item, what) => {
  if (!item.row.key) return say("A person cannot decide on this row.");
  return send(item.row.key, { what });
};
