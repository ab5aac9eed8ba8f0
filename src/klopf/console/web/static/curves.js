// Learning curves: one plot a quantity, a line a series, drawn again as figures come. What is chosen is in the link.

import { png } from "./files.js";
import { ask, make } from "./make.js";
import { amend, here } from "./route.js";
import { LANGUAGES, language, number, speak, t } from "./words.js";

const $ = (id) => document.getElementById(id);
const PACE = 1000;
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const dark = matchMedia("(prefers-color-scheme: dark)");
const series = new Map(); // name: { steps, values }
const plots = new Map(); // quantity: { section, chart, names }
let next = 0, fresh = false;

function quantity(name) {
  return name.split(", ")[0];
}

function colour(i) {
  return `hsl(${(212 + 137 * i) % 360} 60% ${dark.matches ? 70 : 38}%)`;
}

function hidden() {
  return new Set((here().query.get("hide") ?? "").split("|").filter(Boolean));
}

function take(points) {
  for (const [name, step, value] of points) {
    if (!series.has(name)) series.set(name, { steps: [], values: [] });
    const one = series.get(name);
    if (one.steps.length && step <= one.steps.at(-1)) { // a life that went on from an older checkpoint
      while (one.steps.length && one.steps.at(-1) >= step) { one.steps.pop(); one.values.pop(); }
    }
    one.steps.push(step);
    one.values.push(value);
  }
}

function data(names) {
  return window.uPlot.join(names.map((name) => [series.get(name).steps, series.get(name).values]));
}

function draw() {
  const groups = Map.groupBy ? Map.groupBy(series.keys(), quantity) : group();
  const away = hidden();
  for (const [what, names] of groups) {
    const shown = names.filter((name) => !away.has(name));
    const known = plots.get(what);
    if (known && known.names.join("\n") === names.join("\n") && known.shown.join("\n") === shown.join("\n")) {
      if (shown.length) known.chart?.setData(data(shown));
      latest(known);
      continue;
    }
    known?.chart?.destroy();
    const made = plot(what, names, shown);
    known ? known.section.replaceWith(made.section) : $("main").append(made.section);
    plots.set(what, made);
    made.start();
  }
}

function group() {
  const found = new Map();
  for (const name of series.keys()) found.set(quantity(name), [...(found.get(quantity(name)) ?? []), name]);
  return found;
}

function plot(what, names, shown) {
  const box = make("div", { class: "chart", role: "img", "aria-label": t("{what} by steps; the table below has the last figures", { what: t(what) }) });
  const body = make("tbody");
  const boxes = names.map((name, i) => {
    const input = make("input", { type: "checkbox", checked: shown.includes(name), onchange: () => choose(name, input.checked) });
    const sign = make("canvas", { width: "28", height: "10", "aria-hidden": "true" });
    const g = sign.getContext("2d");
    g.strokeStyle = colour(i);
    g.lineWidth = 2;
    g.setLineDash(DASHES[i % DASHES.length]);
    g.beginPath();
    g.moveTo(0, 5);
    g.lineTo(28, 5);
    g.stroke();
    return make("label", {}, input, " ", sign, ` ${name}`);
  });
  const picture = make("button", { type: "button", onclick: () => made.chart && png(made.chart.ctx.canvas, what, getComputedStyle(document.body).backgroundColor) }, "PNG");
  const section = make("section", { class: "view curves" }, make("h2", {}, t(what)),
    make("div", { class: "tools" }, ...boxes), make("div", { class: "tools" }, picture, make("a", { href: `/api/curves.csv?lang=${language}`, download: "curves.csv" }, "CSV")), box,
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t(what) }, make("table", {}, make("thead", {}, make("tr", {}, ...["series", "step", "value"].map((head) => make("th", { scope: "col" }, t(head))))), body)));
  const made = { section, names, shown, chart: null, body, start: () => {
    latest(made);
    if (!shown.length) return;
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
    const line = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, values: (_, all) => all.map((one) => new Intl.NumberFormat(language, { maximumSignificantDigits: 6 }).format(one)) };
    made.chart = new window.uPlot({
      width: box.clientWidth, height: 280, scales: { x: { time: false } }, legend: { show: false }, cursor: { drag: { x: true, y: false } }, axes: [axis, { ...axis, size: 70 }],
      series: [{}, ...shown.map((name) => { const i = names.indexOf(name); return { stroke: colour(i), width: 1.5, dash: DASHES[i % DASHES.length], spanGaps: true, points: { show: false } }; })],
    }, data(shown), box);
    new ResizeObserver(() => made.chart.setSize({ width: box.clientWidth, height: 280 })).observe(box);
  } };
  return made;
}

function latest({ names, body }) {
  body.replaceChildren(...names.map((name) => {
    const one = series.get(name);
    return make("tr", {}, make("td", {}, name), make("td", { class: "n" }, number(one.steps.at(-1))), make("td", { class: "n" }, String(one.values.at(-1))));
  }));
}

function choose(name, shown) {
  const away = hidden();
  shown ? away.delete(name) : away.add(name);
  const at = document.activeElement?.closest("label")?.textContent;
  amend({ hide: [...away].join("|") });
  draw();
  [...document.querySelectorAll(".curves label")].find((label) => label.textContent === at)?.querySelector("input").focus();
}

function state(is) {
  fresh = is;
  $("where").className = fresh ? "fresh" : "stale";
  const said = fresh ? t("live") : t("not connected");
  if ($("where").textContent !== said) $("where").textContent = said;
}

async function follow() {
  try {
    let more = true;
    while (more) {
      const said = await ask(`/api/curves?since=${next}`);
      if (said.again) series.clear();
      more = said.next > next && said.points.length > 1000;
      next = said.next;
      $("name").textContent = said.name;
      document.title = `${said.name} · Klopf`;
      take(said.points);
      if (said.points.length || said.again) draw();
    }
    state(true);
  } catch {
    state(false);
  }
  setTimeout(follow, PACE);
}

function again() {
  for (const { chart, section } of plots.values()) { chart?.destroy(); section.remove(); }
  plots.clear();
  draw();
}

await speak(new URLSearchParams(location.search).get("lang") || localStorage.getItem("language") || navigator.language.split("-")[0]);
const fixed = () => { $("skip").textContent = t("Skip to the content"); $("language-label").textContent = t("Language"); };
fixed();
$("language").replaceChildren(...Object.entries(LANGUAGES).map(([id, name]) => make("option", { value: id, selected: id === language }, name)));
$("language").addEventListener("change", async () => { localStorage.setItem("language", $("language").value); await speak($("language").value); fixed(); again(); });
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
dark.addEventListener("change", again);
addEventListener("hashchange", again);
follow();
