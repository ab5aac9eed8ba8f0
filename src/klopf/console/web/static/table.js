// A table that news does not disturb: rows are amended where they stand, and sort, search, selection and scroll stay.

import { compare, fill, NUMERIC } from "./cells.js";
import { live, nameOf } from "./live.js";
import { make } from "./make.js";
import { amend, here } from "./route.js";
import { language, number, t } from "./words.js";

const MOST = 500; // rows that are in the page at once; searching finds the others

// `first(row)` says who stands before others where nothing is sorted: a smaller number does.
export function table(id, { limit = MOST, heading = "h2", tools = true, sort = "", down = true, first = null } = {}) {
  const view = live.views[id];
  const asked = here().query;
  const state = { sort: asked.get(`${id}.sort`) ?? sort, down: (asked.get(`${id}.down`) ?? (down ? "1" : "0")) === "1", find: asked.get(`${id}.find`) ?? "" };
  const rows = new Map();
  let whole = live.head.whole;
  const body = make("tbody");
  const count = make("p", { class: "count", role: "status" });
  const heads = view.columns.map((column) => {
    const button = make("button", { type: "button", onclick: () => turn(column.title) }, t(column.title));
    return make("th", { scope: "col", class: NUMERIC.has(column.kind) ? "n" : null }, button);
  });
  const find = make("input", { type: "search", value: state.find, "aria-label": t("Search in {what}", { what: t(view.title) }), placeholder: t("Search"), oninput: () => { state.find = find.value; amend({ [`${id}.find`]: state.find }); arrange(); } });
  const bar = make("div", { class: "tools" }, find, make("a", { href: `/api/table/${id}.csv?lang=${language}`, download: `${id}.csv` }, "CSV"), count);
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t(view.title) }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body));
  const section = make("section", { class: "view", id: `view-${id}` }, make(heading, {}, t(view.title)), view.lead ? make("p", { class: "lead" }, t(view.lead)) : null, tools ? bar : count, scroll);
  body.addEventListener("keydown", step);

  function turn(title) {
    state.down = state.sort === title ? !state.down : true;
    state.sort = title;
    amend({ [`${id}.sort`]: title, [`${id}.down`]: state.down ? "1" : "0" });
    arrange();
  }

  function step(event) {
    const row = event.target.closest("tr");
    const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
    if (event.key === "Enter" && event.target === row) row.querySelector("a")?.click();
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  function shown(key, row) {
    let made = rows.get(key);
    if (!made) {
      made = { cells: view.columns.map((column) => make("td", { class: column.kind === "share" ? "n bar" : NUMERIC.has(column.kind) ? "n" : null })), said: [] };
      made.element = make("tr", { tabindex: "-1", "data-key": key }, ...made.cells);
      rows.set(key, made);
    }
    view.columns.forEach((column, at) => {
      const said = JSON.stringify(row[at]);
      if (made.said[at] === said) return;
      made.said[at] = said;
      fill(made.cells[at], column.kind, row[at], row, view.columns);
    });
    return made.element;
  }

  function matches(row) {
    if (!state.find) return true;
    const wanted = state.find.toLowerCase();
    return view.columns.some((column, at) => text(column, row[at]).toLowerCase().includes(wanted));
  }

  function text(column, value) {
    if (column.kind === "neuron") return nameOf(value);
    return value === null || typeof value === "object" ? "" : `${value} ${t(String(value))}`;
  }

  function arrange() {
    if (whole !== live.head.whole) for (const made of rows.values()) made.said = []; // what was not known may be now
    whole = live.head.whole;
    const at = view.columns.findIndex((column) => column.title === state.sort);
    let chosen = [...view.rows].filter(([, row]) => matches(row));
    if (at >= 0) {
      const sign = state.down ? -1 : 1;
      chosen.sort(([, a], [, b]) => sign * compare(view.columns[at].kind, a[at], b[at]) || 0);
    }
    else if (first) chosen.sort(([, a], [, b]) => first(a) - first(b));
    const all = chosen.length;
    chosen = chosen.slice(0, limit);
    const elements = chosen.map(([key, row]) => shown(key, row));
    const wanted = new Set(elements);
    const focused = document.activeElement;
    for (const [key, made] of rows) if (!wanted.has(made.element)) { made.element.remove(); if (!view.rows.has(key)) rows.delete(key); }
    let before = null;
    for (const element of elements.toReversed()) { // only what stands elsewhere is moved, so that focus is kept
      if (element.nextElementSibling !== before || element.parentNode !== body) body.insertBefore(element, before);
      before = element;
    }
    if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
    const top = body.querySelector("tr");
    if (top && !body.querySelector('tr[tabindex="0"]')) top.tabIndex = 0;
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== at ? "none" : state.down ? "descending" : "ascending"));
    const unknown = all === 0 && !live.head.whole && !view.lately; // nothing is there, and nobody knows yet whether that is so
    count.hidden = !tools && !unknown;
    count.textContent = unknown ? t("not known before the history has been read") : all > limit ? t("{shown} of {all} rows", { shown: number(limit), all: number(all) }) : t("{all} rows", { all: number(all) });
    section.classList.toggle("empty", all === 0);
  }

  arrange();
  return { element: section, news: (changed) => { if (whole !== live.head.whole || changed === null || changed[id] || (changed.neurons && view.columns.some((column) => column.kind === "neuron"))) arrange(); } };
}
