// Tables: a button in each heading sorts by its column, and a button under each table saves it as CSV.
(() => {
  const say = document.getElementById("said");

  // Numbers begin with the largest.
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

  // A spreadsheet runs a cell that begins like a formula; a number may begin with its sign.
  const field = (text) => {
    const plain = text.replace(/\s+/g, " ").trim();
    const safe = /^[=+\-@]/.test(plain) && !/^[+-]?[\d.]/.test(plain) ? `'${plain}` : plain;
    return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  // Scores in a small line under a gain stand in brackets behind it.
  const cellText = (cell) => [...cell.childNodes].map((node) => (node.nodeName === "SMALL" ? ` (${node.textContent})` : node.textContent)).join("");
  const asCsv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => field(cellText(cell))).join(",")).join("\r\n") + "\r\n";

  for (const table of document.querySelectorAll("table")) {
    const name = table.caption.textContent.trim();
    const button = make("button", "Save as CSV", "save");
    button.type = "button";
    button.setAttribute("aria-label", `Save as CSV: ${name}`);
    button.addEventListener("click", () => {
      // With a byte order mark, by which spreadsheets know UTF-8.
      const address = URL.createObjectURL(new Blob(["\ufeff", asCsv(table)], { type: "text/csv" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase()}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
    table.closest(".scroll").after(button);
  }
})();
