
"use strict";
(() => {
  const one = (what) => document.querySelector(what);
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const table = one("#layers");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const details = all("details.layer");
  const shown = one("#shown");
  let sorted = "";

  // Sorting: a button in each head; values that are missing stand last either way.
  const value = (row, column, numeric) => {
    const text = row.cells[column].dataset.value ?? "";
    return numeric && text !== "" ? Number(text) : text;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (head, direction) => {
    const column = Number(head.dataset.column);
    const numeric = !head.classList.contains("name");
    const sign = direction === "ascending" ? 1 : -1;
    const order = (a, b) => {
      const x = value(a, column, numeric);
      const y = value(b, column, numeric);
      if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
      return sign * compare(x, y) || a.dataset.layer - b.dataset.layer;
    };
    all("thead [aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
    body.append(...[...rows].sort(order));
    sorted = `sorted by ${head.textContent.trim()}, ${direction}`;
    tell();
  };
  for (const head of all("thead [data-column]", table)) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // Names begin with a, numbers with the largest: that is what is looked for.
      const first = head.classList.contains("name") || head.dataset.column === "0"
        || head.textContent.includes("min") ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      sort(head, head.getAttribute("aria-sort") === first ? other : first);
    });
  }

  // Filtering: the table and the layers below it together.
  const text = one("#text");
  const only = one("#only");
  const tell = () => {
    const seen = rows.filter((row) => !row.hidden).length;
    shown.textContent = `${seen} of ${rows.length} layer${rows.length === 1 ? "" : "s"}${sorted ? ", " + sorted : ""}`;
  };
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    const kept = new Set();
    for (const row of rows) {
      const name = row.cells[1].dataset.value.toLowerCase();
      row.hidden = !name.includes(wanted) || (only.checked && !row.classList.contains("found"));
      if (!row.hidden) kept.add(row.dataset.layer);
    }
    for (const layer of details) layer.hidden = !kept.has(layer.dataset.layer);
    tell();
  };
  text.addEventListener("input", filter);
  only.addEventListener("change", filter);
  text.form.addEventListener("submit", (event) => event.preventDefault());
  all(".filter, .tools").forEach((part) => { part.hidden = false; });
  filter();

  // Opening: by button, by link, and for printing.
  one("#open").addEventListener("click", () => details.forEach((layer) => { layer.open = true; }));
  one("#close").addEventListener("click", () => details.forEach((layer) => { layer.open = false; }));
  const visit = () => {
    const place = /^#layer-\d+$/.test(location.hash) ? one(location.hash) : null;
    const layer = place?.closest("details");
    if (!layer) return;
    if (layer.hidden) {
      text.value = "";
      only.checked = false;
      filter();
    }
    layer.open = true;
    layer.scrollIntoView();
    place.focus({ preventScroll: true });
  };
  addEventListener("hashchange", visit);
  document.addEventListener("click", (event) => {
    // The same link a second time changes no hash.
    const link = event.target.closest?.('a[href^="#layer-"]');
    if (link && link.hash === location.hash) visit();
  });
  visit();

  // Pointing at a layer of an overview: its name and numbers; a click opens it.
  for (const plot of all(".plot")) {
    const readout = plot.closest("figure").querySelector(".readout");
    const order = readout.textContent;
    const mark = document.createElementNS(plot.namespaceURI, "rect");
    mark.setAttribute("class", "at");
    mark.setAttribute("height", plot.getAttribute("height"));
    const layerAt = (event) => {
      const box = plot.getBoundingClientRect();
      const at = Math.floor(((event.clientX - box.left) / box.width) * rows.length);
      return Math.min(Math.max(at, 0), rows.length - 1);
    };
    plot.addEventListener("pointermove", (event) => {
      const at = layerAt(event);
      mark.setAttribute("x", `${(at * 100) / rows.length}%`);
      mark.setAttribute("width", `${100 / rows.length}%`);
      if (!mark.isConnected) plot.append(mark);
      const said = rows[at].dataset[readout.dataset.of];
      readout.textContent = `${rows[at].cells[1].dataset.value}: ${said || "no numbers"}`;
    });
    plot.addEventListener("pointerleave", () => {
      mark.remove();
      readout.textContent = order;
    });
    plot.addEventListener("click", (event) => {
      location.hash = `layer-${rows[layerAt(event)].dataset.layer}`;
      visit();
    });
  }
})();
