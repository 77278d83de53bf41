// Cards.
const badge = (decided) => make("span", VERDICTS[decided.what], "badge", decided.what);
const heading = (row, parts) => {
  const head = make("h3");
  head.append(...parts.filter(Boolean).map((part) => make("span", visible(String(part)))));
  const decided = decisions.get(row.key);
  if (decided) head.append(badge(decided));
  return head;
};
const texts = (row) => {
  const now = present(row);
  const fields = make("dl", undefined, "pair");
  for (const name of ["input", "output"]) {
    const title = name === "input" ? "Input" : "Output";
    const content = now[name] === row[name] ? [] : [words(row[name], "was")];
    fields.append(entry(title, ...content, words(now[name])));
  }
  if (row.rationale) fields.append(entry("Rationale", words(row.rationale)));
  return fields;
};
const long = (text) => {
  const block = make("pre", visible(text));
  block.dir = "auto";
  if (text.length <= CLIPPED_CHARS) return [block];
  block.classList.add("clipped");
  const whole = button("Show all", () => {
    block.classList.remove("clipped");
    whole.remove();
  });
  return [block, whole];
};
const cards = {
  examples: (row) => [
    heading(row, [row.task, row.mode, `verified by ${row.verified_by}`, row.teacher && `teacher ${row.teacher}`]),
    texts(row),
  ],
  records: (row) => {
    const head = heading(row, [row.task, `k=${row.k}`, row.form.replace("_", "-"), row.mode, `verified by ${row.verified_by}`]);
    const changed = row.demos.map((key) => decisions.get(key)).filter((each) => each && ["refuse", "edit"].includes(each.what));
    if (changed.length) head.append(make("span", `${changed.length} of its demonstrations ${changed.length > 1 ? "are" : "is"} refused or edited`, "badge", "refuse"));
    const fields = make("dl");
    fields.append(entry("Prompt, as the student reads it", ...long(row.prompt)), entry("Output", words(row.output)));
    const decided = decisions.get(row.key);
    if (decided && decided.what === "edit") fields.append(entry("Its query, edited", words(decided.edited_input), words(decided.edited_output)));
    return [head, fields];
  },
  rejects: (row) => {
    const fields = make("dl");
    fields.append(entry("Reason", words(row.reason)));
    if (row.original) fields.append(entry("Original", words(row.original)));
    if (row.key) return [heading(row, [row.task, row.mode]), fields, texts(row)];
    fields.append(entry("Candidate", ...(row.candidate ? long(row.candidate) : [words("")])));
    return [heading(row, [row.task, row.mode]), fields];
  },
};
const actions = (item) => {
  const group = make("div", undefined, "actions");
  const what = (decisions.get(item.row.key) || {}).what;
  const press = (text, name, act) => {
    const element = button(text, act);
    element.setAttribute("aria-pressed", String(what === name));
    return element;
  };
  group.append(press("Accept", "accept", () => decide(item, "accept")), press("Refuse", "refuse", () => decide(item, "refuse")));
  if (start.tasks[item.row.task]) group.append(press("Edit", "edit", () => edit(item)));
  group.append(press("Note", "note", () => note(item)));
  return group;
};
const fill = (item) => {
  const { row } = item;
  const decided = decisions.get(row.key);
  item.className = decided ? decided.what : "";
  item.replaceChildren(...cards[view](row));
  if (decided && decided.note) item.append(entryNote(decided.note));
  if (live && row.key) item.append(actions(item));
};
const entryNote = (text) => {
  const fields = make("dl");
  fields.append(entry("Note", words(text)));
  return fields;
};
const renew = (item) => {
  // What a person is writing stays; the row is filled when its form closes.
  if (item.querySelector(".editor")) return;
  const place = [...item.querySelectorAll("button")].indexOf(document.activeElement);
  fill(item);
  if (place >= 0) (item.querySelectorAll("button")[place] || item).focus();
};
const card = (row) => {
  const item = make("li");
  item.row = row;
  item.keys = [row.key, ...(row.demos || [])].filter(Boolean);
  item.tabIndex = -1;
  fill(item);
  item.addEventListener("focusin", () => mark(item));
  return item;
};

// Forms in a card.
const editor = (item, fields, save) => {
  item.querySelector(".editor")?.remove();
  const box = make("form", undefined, "editor");
  const fault = make("p", "", "fault");
  fault.setAttribute("role", "alert");
  const ends = make("div", undefined, "actions");
  const submit = make("button", "Save", "primary");
  const close = () => {
    box.remove();
    renew(item);
    item.focus();
  };
  ends.append(submit, button("Cancel", close));
  for (const [title, field] of fields) {
    const label = make("label", title);
    label.append(field);
    box.append(label);
  }
  box.append(fault, ends);
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const refusal = await save();
    if (refusal) fault.textContent = refusal;
    else close();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) box.requestSubmit();
  });
  item.querySelector(".actions").hidden = true;
  item.append(box);
  fields[0][1].focus();
};
const area = (text, lines) => {
  const field = make("textarea");
  field.value = text;
  field.rows = Math.min(12, Math.max(lines, text.split("\n").length + Math.floor(text.length / 80)));
  field.dir = "auto";
  return field;
};
const edit = (item) => {
  const { row } = item;
  const task = start.tasks[row.task];
  if (!row.key || !task) return say("This example cannot be edited: a program draws it.");
  const original = row.input === undefined ? rows.examples.find((each) => each.key === row.key) || rows.rejects.find((each) => each.key === row.key) : row;
  if (!original) return say("Its example is not loaded.");
  const now = present(original);
  const input = area(now.input, 2);
  let output = area(now.output, 1);
  if (task.labels.length) {
    output = make("select");
    for (const label of task.labels) output.append(new Option(visible(label), label));
    output.value = now.output;
  }
  editor(item, [["Input", input], ["Output", output]], async () => {
    if (!input.value.trim()) return "The input is empty.";
    if (!output.value.trim() && !task.empty) return "The output is empty.";
    if (input.value === now.input && output.value === now.output) return "Nothing is changed yet.";
    const saved = await send(row.key, { what: "edit", edited_input: input.value, edited_output: output.value });
    return saved ? "" : by("said").textContent;
  });
};
const note = (item) => {
  const { key } = item.row;
  if (!key) return say("A person cannot decide on this row.");
  const field = area((decisions.get(key) || { note: "" }).note, 2);
  field.maxLength = 2000;
  editor(item, [["Note", field]], async () => {
    const text = field.value.trim();
    const change = (before) => {
      if (before && before.what !== "note") return { ...before, note: text };
      return { what: text ? "note" : "undo", note: text };
    };
    return (await send(key, change)) ? "" : by("said").textContent;
  });
};
