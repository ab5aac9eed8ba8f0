// A recorded world: a map, flows, what happened and why, who wins and loses, at each moment that the slider shows.

import { ask, make } from "./make.js";
import { $, begin, plainTable, state } from "./panel.js";
import { amend, here } from "./route.js";
import { language, number, share, t } from "./words.js";

const PACE = 1000, TICK = 120;
const SVG = "http://www.w3.org/2000/svg";
let life = "", next = 0, over = false, about = null, frames = [], gain = [], shown = null, playing = null;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function build() {
  const last = frames.length - 1;
  const slider = make("input", { type: "range", min: "0", max: String(last), value: String(at()), "aria-label": t("Time"), oninput: () => move(Number(slider.value)) });
  const play = make("button", { type: "button", onclick: () => (playing ? stop() : start()) }, t("Play"));
  const told = make("p", { class: "told", role: "status" });
  const map = make("div", { class: "twin-map scroll", tabindex: "0", role: "region", "aria-label": t("Map") });
  const buses = plainTable("Buses", ["bus", "households", "line", "load", "power", "gain"], [0, 1, 3, 4, 5]);
  const flows = plainTable("Flows", ["what flows", "from", "to", "asked for", "served"], [3, 4]);
  const happened = plainTable("What happened", ["number", "when", "sector", "what", "because of"], [0]);
  const wins = make("p", { class: "told" });
  const each = plainTable("Households", ["household", "bus", "gain"], [0, 1, 2]);
  const why = make("div", { role: "status" });
  const files = (what) => make("a", { href: `/api/twin/${what}.csv?lang=${language}`, download: `${what}.csv` }, "CSV");
  $("main").replaceChildren(
    make("section", { class: "view", id: "time" }, make("h2", {}, t("Time")), make("p", { class: "lead" }, lead()), make("div", { class: "tools" }, play, slider), told),
    make("section", { class: "view", id: "map" }, make("h2", {}, t("Map")), make("p", { class: "lead" }, t("A circle is a bus, the larger the more households; without power it is crossed out. A line is the thicker the more it carries; an open one is dashed.")), map, make("details", {}, make("summary", {}, t("The same as a table")), buses.element)),
    make("section", { class: "view", id: "flows" }, make("h2", {}, t("Flows")), flows.element),
    make("section", { class: "view", id: "wins" }, make("h2", {}, t("Who wins and who loses")), make("p", { class: "lead" }, t("What each has more, in money, than in the same world under {other}.", { other: about.other })), wins, make("div", { class: "tools" }, files("households"), t("Each household, at the end of the record:")), each.element),
    make("section", { class: "view", id: "happened" }, make("h2", {}, t("What happened")), make("div", { class: "tools" }, files("record")), why, happened.element),
  );
  return { slider, play, told, map, buses, flows, happened, wins, each, why, drawn: null };
}

function lead() {
  const lived = about.lived.map(([name, steps]) => `${name}: ${number(steps)}`).join(", ");
  return `${t("{n} households, seed {seed}", { n: number(about.households), seed: String(about.seed) })} · ${about.scenario || t("no disaster")} · ${t("steps under each policy")}: ${lived}`;
}

function at() {
  const step = here().query.get("step");
  if (step === null) return frames.length - 1;
  const found = frames.findIndex((frame) => frame.step >= Number(step));
  return found < 0 ? frames.length - 1 : found;
}

function move(place) {
  amend({ step: String(frames[place].step) });
  draw();
}

function start() {
  if (at() === frames.length - 1) move(0);
  shown.play.textContent = t("Stop");
  playing = setInterval(() => (at() < frames.length - 1 ? move(at() + 1) : stop()), TICK);
}

function stop() {
  clearInterval(playing);
  playing = null;
  shown.play.textContent = t("Play");
}

// Where each bus is drawn: as deep as it is behind the substation, a row for each end.
function places() {
  const { parent } = about, depth = [0], row = [0];
  let rows = 0;
  const first = new Set();
  for (let bus = 1; bus < parent.length; bus++) {
    depth[bus] = depth[parent[bus]] + 1;
    row[bus] = parent[bus] !== 0 && !first.has(parent[bus]) ? row[parent[bus]] : rows++;
    first.add(parent[bus]);
  }
  return parent.map((_, bus) => [60 + 110 * depth[bus], 40 + 62 * row[bus]]);
}

function draw() {
  const frame = frames[at()];
  const { slider, told } = shown;
  slider.max = String(frames.length - 1);
  slider.value = String(at());
  slider.setAttribute("aria-valuetext", frame.when);
  told.textContent = `${frame.when} · ${t("step {n}", { n: number(frame.step) })} · ${number(frame.temperature, 1)} °C · ${t("a kWh costs {price}", { price: number(frame.price, 3) })}`;
  if (frame.up) world(frame);
  shown.flows.fill(about.flows.map(([good, from, to]) => [t(good), t(from), t(to), number(frame.flows[good][0], 1), share(frame.flows[good][1])]));
  const [least, middle, most] = frame.spread;
  shown.wins.textContent = t("{gain} gain and {lose} lose; the least {least}, the middle {middle}, the most {most}", { gain: number(frame.gain), lose: number(frame.lose), least: number(least, 2), middle: number(middle, 2), most: number(most, 2) });
  shown.each.fill(gain.map(([household, bus, more]) => [number(household), number(bus), number(more, 2)]));
  const until = about.record.filter(([, step]) => step <= frame.step).toReversed().slice(0, 200);
  shown.happened.fill(until.map(([id, , when, sector, what, cause]) => [String(id), when, t(sector), what, cause < 0 ? "" : make("button", { type: "button", onclick: () => because(id) }, t("why?"))]));
}

function because(id) {
  const known = new Map(about.record.map((one) => [one[0], one]));
  const chain = [];
  for (let one = known.get(id); one; one = known.get(one[5])) chain.unshift(one);
  shown.why.replaceChildren(make("h3", { tabindex: "-1" }, t("Why, from the first cause on")), make("ol", {}, ...chain.map(([, , when, sector, what]) => make("li", {}, `${when} ${t(sector)}: ${what}`))));
  shown.why.firstChild.focus();
}

function world(frame) {
  const where = places(), parts = [];
  const dark = frame.served.filter((served) => served < 100).length;
  for (let bus = 1; bus < where.length; bus++) {
    const [x1, y1] = where[about.parent[bus]], [x2, y2] = where[bus];
    const open = !frame.up[bus];
    parts.push(svg("path", { d: `M${x1} ${y1} L${x1 + 45} ${y2} L${x2} ${y2}`, class: open ? "line open" : frame.load[bus] > 100 ? "line over" : "line", "stroke-width": String(1.5 + Math.min(6, frame.load[bus] / 20)) }));
  }
  for (let bus = 0; bus < where.length; bus++) {
    const [x, y] = where[bus];
    const lit = frame.served[bus] >= 100;
    const r = bus === 0 ? 14 : 8 + Math.min(12, 2 * Math.sqrt(about.homes[bus]));
    const has = Object.entries(about.at).filter(([, place]) => place === bus).map(([name]) => t(name));
    parts.push(svg("circle", { cx: x, cy: y, r, class: lit ? "bus" : "bus dark" }));
    if (!lit) parts.push(svg("path", { d: `M${x - r} ${y - r} L${x + r} ${y + r} M${x - r} ${y + r} L${x + r} ${y - r}`, class: "cross" }));
    const label = svg("text", { x, y: y + r + 13, "text-anchor": "middle" });
    label.textContent = bus === 0 ? t("substation") : [`${bus}`, ...has].join(" ");
    parts.push(label);
  }
  const width = Math.max(...where.map(([x]) => x)) + 60, height = Math.max(...where.map(([, y]) => y)) + 50;
  shown.map.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": t("{dark} of {all} buses are without full power", { dark: number(dark), all: number(where.length) }) }, ...parts));
  shown.buses.fill(where.map((_, bus) => [number(bus), number(about.homes[bus]), bus === 0 ? "" : frame.up[bus] ? t("whole line") : t("open line"), share(frame.load[bus] / 100), share(frame.served[bus] / 100), number(frame.each[bus], 2)]));
}

async function follow() {
  try {
    let said;
    do {
      said = await ask(`/api/twin?since=${next}&life=${life}`);
      if (said.again) { stopAll(); frames = []; gain = []; about = null; shown = null; }
      life = said.life;
      if (said.about && said.frames.length) about = said.about;
      frames.push(...said.frames);
      next = said.next;
      const ended = said.over && !over;
      over = said.over;
      gain = said.gain;
      $("name").textContent = said.name;
      document.title = `${said.name} · Klopf`;
      if (about && frames.length && (said.frames.length || ended)) { shown ??= build(); draw(); }
    } while (said.more);
    if (!shown && !said.trouble) $("main").replaceChildren(make("p", { class: "lead" }, t("The world is lived once more from its seed…")));
    if (said.trouble) $("main").replaceChildren(make("p", { class: "bad", role: "alert" }, said.trouble));
    state(!said.trouble, said.trouble ? t("cannot be shown") : over ? t("as it was recorded") : t("step {n}", { n: number(frames.at(-1)?.step ?? 0) }));
  } catch {
    state(false, t("not connected"));
  }
  setTimeout(follow, over ? 3 * PACE : PACE);
}

function stopAll() {
  if (playing) stop();
}

function again() {
  stopAll();
  if (about && frames.length) { shown = build(); draw(); }
}

await begin(again);
addEventListener("hashchange", () => about && draw());
follow();
