// The network as a picture that moves: darker and larger by rank of contribution, the rank as a number beside colour, rings
// by standing, arrows to who is listened to; and the same for every epoch that has ended.

import { clusters, neighbours } from "./clusters.js";
import { live, nameOf } from "./live.js";
import { ask, make } from "./make.js";
import { colours, ground, paint } from "./paint.js";
import { amend, here, link } from "./route.js";
import { number, share, t } from "./words.js";

const FEW = 60; // neurons of which each has its name
const NAMED = 12; // of the highest rank, which have theirs also where there are more
const LINKS = 3; // arrows a neuron, the strongest first, where there are more than FEW
const WIDTHS = 5; // of arrows; those of one width are drawn at once
const GROUPS = 8; // clusters that are offered, the largest first
const still = matchMedia("(prefers-reduced-motion: reduce)");

function library() {
  if (window.ForceGraph) return Promise.resolve(window.ForceGraph);
  return new Promise((done, failed) => {
    document.head.append(make("script", { src: "/static/vendor/force-graph.min.js", onload: () => done(window.ForceGraph), onerror: failed }));
  });
}

function current() {
  const neurons = [...(live.views.neurons?.rows.values() ?? [])].map(([id, , standing, heard, , earned]) => [id, nameOf(id), standing, heard, earned]);
  return { neurons, links: [...(live.views.links?.rows.values() ?? [])] };
}

export function picture({ tall = false } = {}) {
  const asked = here().query;
  let epoch = Number(asked.get("at")) || 0; // 0: as it is now
  let picked = Number(asked.get("pick")) || 0, alone = asked.get("near") === "1";
  let graph = null, gone = false, hot = false, colour = null, moved = false, unread = false;
  let all = { neurons: [], links: [] }, groups = [], near = new Set(), offered = "";
  const nodes = new Map(), parked = new Map(); // those that are not shown at the moment keep their place
  const box = make("div", { class: "canvas", role: "img" });
  const said = make("p", { class: "told", role: "status" });
  const slider = make("input", { type: "range", min: "1", step: "1", id: "at", oninput: () => scrub(Number(slider.value)) });
  const at = make("output", { for: "at" });
  const search = make("input", { type: "search", list: "neurons-known", placeholder: t("Find a neuron"), "aria-label": t("Find a neuron"), oninput: () => { const id = byName(search.value); if (id || !search.value) pick(id); } });
  const known = make("datalist", { id: "neurons-known" });
  const now = make("button", { type: "button", onclick: () => scrub(Number(slider.max)) }, t("Now"));
  const only = make("input", { type: "checkbox", id: "near", checked: alone, onchange: () => { alone = only.checked; amend({ near: alone ? "1" : null }); place(); fit(); } });
  const onlyLabel = make("label", { class: "near" }, only, " ", t("only who hears it and whom it hears"));
  const around = make("p", { class: "groups" });
  const section = make("section", { class: `view picture${tall ? " tall" : ""}`, id: "view-picture" },
    make("h2", {}, t("The network")),
    make("p", { class: "lead" }, t("Darker and larger: a higher rank by contribution, which is the number. Ring: whole backbone, dashed fringe, dotted and crossed out silent. An arrow points to who is listened to.")),
    make("div", { class: "tools" }, search, known, onlyLabel, make("label", { for: "at" }, t("Epoch")), slider, at, now), around, box, said);

  function byName(name) {
    const wanted = name.trim().toLowerCase();
    return all.neurons.find(([id]) => nameOf(id).toLowerCase() === wanted)?.[0] ?? 0;
  }

  function pick(id) {
    picked = nodes.has(id) || all.neurons.some((one) => one[0] === id) ? id : 0;
    amend({ pick: picked || null });
    if (!graph) return tell();
    place();
    const node = nodes.get(picked);
    if (alone) fit();
    else if (Number.isFinite(node?.x)) graph.centerAt(node.x, node.y, still.matches ? 0 : 400);
    graph.nodeColor(graph.nodeColor()); // drawn again
  }

  function fit() {
    graph?.zoomToFit(still.matches ? 0 : 300, 40);
  }

  function tell() {
    const node = nodes.get(picked);
    onlyLabel.hidden = !node;
    said.replaceChildren();
    if (!node) return;
    said.append(make("a", { href: link(["neuron", String(node.id)]) }, node.name), `: ${t(node.standing)}, ${t("heard")} ${share(node.heard)}, ${t("rank")} ${number(node.rank || null)}`);
  }

  async function scrub(wanted) {
    const last = Number(slider.max);
    epoch = wanted >= last ? 0 : wanted;
    amend({ at: epoch || null });
    await draw();
  }

  function tools() { // what the slider says
    const { head } = live;
    unread = epoch > head.epochs && !head.whole; // a link to what has not been read yet: shown once it has
    slider.max = String(Math.max(1, head.epochs + 1));
    slider.disabled = head.epochs < 1;
    slider.value = unread ? slider.max : String(epoch || slider.max);
    at.textContent = unread ? t("{n}: not read yet", { n: number(epoch) }) : epoch ? t("{n}, as it ended", { n: number(epoch) }) : t("{n}, now", { n: number(head.epoch) });
  }

  async function draw() {
    tools();
    let then = null;
    if (epoch && !unread) {
      const wanted = epoch;
      then = await ask(`/api/epoch/${epoch}`).catch(() => null);
      if (wanted !== epoch) return;
      if (!then) { epoch = 0; tools(); }
    }
    if (gone) return;
    if (!graph) {
      const Graph = await library();
      if (gone) return;
      graph ??= start(Graph);
    }
    all = then ?? current();
    place();
  }

  function place() {
    const { neurons, links } = all;
    const ranked = neurons.some((one) => one[3] !== null);
    const order = [...neurons].sort((a, b) => (b[3] ?? 0) - (a[3] ?? 0) || a[0] - b[0]);
    const crowd = order.length > FEW;
    const everybody = new Set(order.map(([id]) => id));
    for (const [listener] of links) everybody.add(listener);
    near = neighbours(links, picked);
    if (alone && picked && everybody.has(picked)) for (const id of everybody) if (!near.has(id)) everybody.delete(id);
    const first = nodes.size === 0;
    let other = false;
    const put = (id, more) => {
      if (!everybody.has(id)) return;
      if (!nodes.has(id)) { nodes.set(id, parked.get(id) ?? (first ? { id } : { id, born: performance.now() })); other = true; }
      Object.assign(nodes.get(id), { name: nameOf(id), ...more });
    };
    order.forEach(([id, , standing, heard], i) => {
      const part = ranked ? 1 - i / Math.max(1, order.length - 1) : 0.5;
      put(id, { standing, heard, rank: ranked ? i + 1 : 0, size: 5 + 9 * part * (crowd ? 0.7 : 1) });
    });
    const ids = new Set(order.map(([id]) => id));
    for (const [listener] of links) if (!ids.has(listener)) put(listener, { standing: "requester", heard: 0, rank: 0, size: 5 });
    for (const id of nodes.keys()) if (!everybody.has(id)) { parked.set(id, nodes.get(id)); nodes.delete(id); other = true; }
    const strongest = links.filter(([source, target, weight]) => nodes.has(source) && nodes.has(target) && weight >= 0.02)
      .sort((a, b) => b[2] - a[2]).slice(0, crowd && !alone ? neurons.length * LINKS : Infinity);
    const before = new Map(graph.graphData().links.map((one) => [one.key, one]));
    const heads = new Set(); // of each listener the strongest: in a crowd that moves the others are not drawn
    const kept = strongest.map(([source, target, weight]) => {
      const first = !heads.has(source);
      heads.add(source);
      return Object.assign(before.get(`${source}>${target}`) ?? { key: `${source}>${target}`, source, target }, { weight, first });
    });
    if (other || kept.length !== before.size || kept.some((one) => !before.has(one.key))) graph.graphData({ nodes: [...nodes.values()], links: kept });
    offer(crowd ? clusters(links).slice(0, GROUPS) : [], order);
    box.setAttribute("aria-label", t("The network: {n} neurons; the table of neurons says the same in words", { n: number(neurons.length) }));
    tell();
  }

  // What can be chosen: names, and where there are many the clusters. Only what is other than before is made anew.
  function offer(found, order) {
    groups = found;
    const names = order.map(([id]) => nameOf(id));
    const key = JSON.stringify([names, found.map(({ head, members }) => [head, members.size])]);
    if (key === offered) return;
    offered = key;
    known.replaceChildren(...names.slice(0, 500).map((name) => make("option", { value: name })));
    around.replaceChildren(...(found.length ? [t("Who listen most to the same:"), ...found.map(({ head, members }) => make("button", { type: "button", onclick: () => pick(head === picked ? 0 : head) }, `${nameOf(head)} (${number(members.size)})`))] : []));
  }

  function start(Graph) {
    colour = colours(box);
    const made = new Graph(box).width(box.clientWidth).height(box.clientHeight).backgroundColor(colour.canvas)
      .nodeLabel(() => "").linkLabel(() => "")
      .linkColor(({ source, target }) => picked && source.id !== picked && target.id !== picked ? colour.dim : colour.arrow)
      .linkWidth(({ weight }) => hot && nodes.size > FEW ? 1 : 0.5 + 4 * Math.round(weight * WIDTHS) / WIDTHS).linkVisibility(({ first }) => first || !hot || nodes.size <= FEW).linkCurvature(() => (nodes.size > FEW ? 0 : 0.12))
      .linkDirectionalArrowLength(() => (nodes.size > FEW && made.zoom() < 1 ? 0 : 4)).linkDirectionalArrowRelPos(1)
      .nodeVal(({ size }) => size * size / 12).nodePointerAreaPaint((node, ink, g) => { g.fillStyle = ink; g.beginPath(); g.arc(node.x, node.y, node.size + 3, 0, 7); g.fill(); })
      .onRenderFramePre((g) => { for (const { members } of hot ? groups.slice(0, 3) : groups) ground([...members].map((id) => nodes.get(id)).filter(Boolean), g, colour); })
      .nodeCanvasObject((node, g, scale) => paint(node, g, scale, {
        colour, picked: node.id === picked, dim: picked && !near.has(node.id), many: all.neurons.length, moving: !still.matches,
        named: nodes.size <= FEW || node.id === picked || (node.rank && node.rank <= NAMED) || groups.some(({ head }) => head === node.id),
      }))
      .onNodeClick((node) => pick(node.id === picked ? 0 : node.id)).onBackgroundClick(() => pick(0));
    if (still.matches) made.warmupTicks(200).cooldownTicks(0);
    else made.cooldownTime(6000);
    made.d3Force("charge").strength(-120).theta(1.1).distanceMax(600);
    made.d3Force("link").distance(() => (nodes.size > FEW ? 30 : 70));
    made.d3Force("middle", (alpha) => { // those to whom nobody listens do not drift away
      for (const node of nodes.values()) { node.vx -= node.x * 0.12 * alpha; node.vy -= node.y * 0.12 * alpha; }
    });
    let ticks = 0; // it is fitted while it finds its form, until somebody moves it
    for (const kind of ["wheel", "pointerdown"]) box.addEventListener(kind, () => { moved = true; }, { passive: true });
    const again = () => { if (!moved) made.zoomToFit(still.matches ? 0 : 300, 40); };
    made.onEngineTick(() => { hot = true; if (ticks++ % 30 === 15 && ticks < 120) again(); });
    made.onEngineStop(() => {
      hot = false;
      made.nodeColor(made.nodeColor()); // drawn again, with all arrows
      if (ticks < 1e6) { ticks = 1e6; again(); moved = true; }
    });
    new ResizeObserver(() => made.width(box.clientWidth).height(box.clientHeight)).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colour = colours(box); made.backgroundColor(colour.canvas); });
    window.klopfPicture = made;
    return made;
  }

  const drawn = () => { if (!gone) draw(); };
  requestAnimationFrame(() => setTimeout(drawn)); // behind what can be read at once: its library is the largest file
  return {
    element: section,
    news: (changed) => {
      const fresh = changed === null || changed.neurons || changed.links || Number(slider.max) !== live.head.epochs + 1;
      if (unread ? fresh || live.head.epochs >= epoch : fresh && !epoch) draw();
      else tools();
    },
    close: () => { gone = true; graph?._destructor(); },
  };
}
