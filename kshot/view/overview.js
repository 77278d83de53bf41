// The overview.
const bars = (title, counts, parts = 1) => {
  const figure = make("figure");
  const items = make("ul", undefined, "bars");
  const sums = counts.map(([, ...each]) => each.reduce((a, b) => a + b, 0));
  const most = Math.max(...sums, 1);
  counts.slice(0, MAX_BARS).forEach(([name, ...each], place) => {
    const item = make("li");
    const track = make("span", undefined, "track");
    each.forEach((count, part) => {
      const bar = make("i", undefined, ...(parts > 1 && part === 0 ? ["gold"] : []));
      bar.style.width = `${(100 * count) / most}%`;
      track.append(bar);
    });
    const label = make("span", visible(String(name)), "name");
    label.title = visible(String(name));
    item.append(label, track, make("span", number(sums[place])));
    items.append(item);
  });
  figure.append(make("figcaption", title), items);
  if (counts.length > MAX_BARS) figure.append(make("p", `and ${number(counts.length - MAX_BARS)} more`, "legend"));
  if (parts > 1) {
    const legend = make("p", undefined, "legend");
    legend.append(make("i", undefined, "gold"), "gold", make("i"), "made");
    figure.append(legend);
  }
  return figure;
};
const tally = (values) => {
  const counts = new Map();
  for (const each of values) counts.set(each, (counts.get(each) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
};
const lengths = (texts) => {
  const counts = tally(texts.map((text) => Math.floor(Math.log2(Math.max(1, text.split(/\s+/).filter(Boolean).length)))));
  return counts.sort((a, b) => a[0] - b[0]).map(([power, count]) => [power ? `${2 ** power}\u2013${2 ** (power + 1) - 1}` : "0\u20131", count]);
};
const whatOf = (row) => (decisions.get(row.key) || {}).what;
const overview = () => {
  const made = rows.examples.filter((row) => row.mode !== "gold");
  const kept = rows.examples.filter((row) => whatOf(row) !== "refuse");
  const open = made.filter((row) => !VERDICTS[whatOf(row)] || whatOf(row) === "note");
  const whats = tally([...decisions.values()].map((each) => each.what));
  const count = (what) => (whats.find(([name]) => name === what) || [0, 0])[1];
  const facts = [["made examples", made.length], ["undecided of them", open.length], ["accepted", count("accept")], ["refused", count("refuse")], ["edited", count("edit")], ["records", start.totals.records], ["rejects", start.totals.rejects]];
  by("cards").replaceChildren(...facts.map(([name, total]) => {
    const item = make("li", name);
    item.prepend(make("span", number(total), "number"));
    return item;
  }));
  table();
  const plots = [];
  for (const [id, task] of Object.entries(start.tasks)) {
    if (!task.labels.length || plots.length >= MAX_BARS) continue;
    const own = kept.filter((row) => row.task === id);
    const split = (label) => [own.filter((row) => row.mode === "gold"), own.filter((row) => row.mode !== "gold")].map((part) => part.filter((row) => labelOf(row) === label).length);
    plots.push(bars(`Labels of ${id}`, task.labels.map((label) => [label, ...split(label)]), 2));
  }
  if (kept.length) plots.push(bars("Words of an example's input", lengths(kept.map((row) => present(row).input))));
  if (rows.records.length) {
    plots.push(bars("Words of a record's prompt", lengths(rows.records.map((row) => row.prompt))));
    plots.push(bars("Records by their query's example", tally(rows.records.map((row) => row.mode))));
  }
  if (rows.rejects.length) plots.push(bars("Rejects by reason", tally(rows.rejects.map((row) => row.kind))));
  by("plots").replaceChildren(...plots);
};
const table = () => {
  const sums = new Map();
  for (const row of rows.examples) {
    const counts = sums.get(row.task) || [0, 0, 0, 0, 0, 0];
    const what = whatOf(row);
    counts[row.mode === "gold" ? 0 : 1] += 1;
    if (["accept", "refuse", "edit"].includes(what)) counts[{ accept: 2, refuse: 3, edit: 4 }[what]] += 1;
    else counts[5] += 1;
    sums.set(row.task, counts);
  }
  const head = make("tr");
  for (const name of ["task", "gold", "made", "accepted", "refused", "edited", "undecided"]) head.append(make("th", name, ...(name === "task" ? ["text"] : [])));
  const body = make("tbody");
  for (const [task, counts] of [...sums].sort((a, b) => b[1][1] - a[1][1])) {
    const line = make("tr");
    const name = make("th");
    name.append(button(task, () => {
      go("examples");
      form.elements.task.value = task;
      filter();
    }));
    line.append(name, ...counts.map((count) => make("td", number(count))));
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  by("by-task").replaceChildren(...(sums.size ? [make("caption", "Examples by task"), top, body] : []));
};
