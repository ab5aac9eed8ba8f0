// The network as a picture that moves: darker and larger by rank of contribution, the rank as a number beside colour, rings
// by standing, arrows to who is listened to; and the same for every epoch that has ended.

import { live, nameOf } from "./live.js";
import { ask, make } from "./make.js";
import { amend, here, link } from "./route.js";
import { number, share, t } from "./words.js";

const FEW = 60; // neurons of which each has its name
const LINKS = 3; // arrows a neuron, the strongest first, where there are more than FEW
const DASHES = { backbone: [], fringe: [6, 4], silent: [1.5, 4] };
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
  let picked = Number(asked.get("pick")) || 0;
  let graph = null, gone = false;
  const nodes = new Map();
  const box = make("div", { class: "canvas", role: "img" });
  const said = make("p", { class: "told", role: "status" });
  const slider = make("input", { type: "range", min: "1", step: "1", id: "at", oninput: () => scrub(Number(slider.value)) });
  const at = make("output", { for: "at" });
  const search = make("input", { type: "search", list: "neurons-known", placeholder: t("Find a neuron"), "aria-label": t("Find a neuron"), oninput: () => pick(byName(search.value)) });
  const known = make("datalist", { id: "neurons-known" });
  const now = make("button", { type: "button", onclick: () => scrub(Number(slider.max)) }, t("Now"));
  const section = make("section", { class: `view picture${tall ? " tall" : ""}`, id: "view-picture" },
    make("h2", {}, t("The network")),
    make("p", { class: "lead" }, t("Darker and larger: a higher rank by contribution, which is the number. Ring: whole backbone, dashed fringe, dotted and crossed out silent. An arrow points to who is listened to.")),
    make("div", { class: "tools" }, search, known, make("label", { for: "at" }, t("Epoch")), slider, at, now), box, said);

  function byName(name) {
    return [...nodes.values()].find((node) => node.name === name)?.id ?? 0;
  }

  function pick(id) {
    picked = nodes.has(id) ? id : 0;
    amend({ pick: picked || null });
    tell();
    graph?.nodeColor(graph.nodeColor()); // drawn again
    if (picked && graph) {
      const node = nodes.get(picked);
      if (Number.isFinite(node.x)) graph.centerAt(node.x, node.y, still.matches ? 0 : 400);
    }
  }

  function tell() {
    const node = nodes.get(picked);
    said.replaceChildren();
    if (!node) return;
    said.append(make("a", { href: link(["neuron", String(node.id)]) }, node.name), `: ${t(node.standing)}, ${t("heard")} ${share(node.heard)}, ${t("rank")} ${number(node.rank)}`);
  }

  async function scrub(wanted) {
    const last = Number(slider.max);
    epoch = wanted >= last ? 0 : wanted;
    amend({ at: epoch || null });
    await draw();
  }

  async function draw() {
    slider.max = String(Math.max(1, live.head.epoch));
    slider.disabled = live.head.epoch < 2;
    slider.value = String(epoch || slider.max);
    at.textContent = epoch ? t("{n}, as it ended", { n: number(epoch) }) : t("{n}, now", { n: number(live.head.epoch) });
    let shown = current();
    if (epoch) {
      const wanted = epoch;
      try {
        shown = await ask(`/api/epoch/${epoch}`);
      } catch {
        if (wanted !== epoch) return;
        epoch = 0;
      }
      if (wanted !== epoch) return;
    }
    if (gone) return;
    if (!graph) {
      const Graph = await library();
      if (gone || graph) return;
      graph = start(Graph);
    }
    place(shown);
  }

  function place({ neurons, links }) {
    const order = [...neurons].sort((a, b) => b[3] - a[3] || a[0] - b[0]);
    const seen = new Set();
    let other = false;
    order.forEach(([id, name, standing, heard], i) => {
      seen.add(id);
      if (!nodes.has(id)) { nodes.set(id, { id }); other = true; }
      Object.assign(nodes.get(id), { name: nameOf(id) || name, standing, heard, rank: i + 1, size: 5 + 9 * (1 - i / Math.max(1, order.length - 1)) * (order.length > FEW ? 0.7 : 1) });
    });
    for (const [, speaker] of links) if (!seen.has(speaker)) continue;
    for (const [listener] of links) if (!seen.has(listener)) { seen.add(listener); if (!nodes.has(listener)) { nodes.set(listener, { id: listener }); other = true; } Object.assign(nodes.get(listener), { name: nameOf(listener), standing: "requester", heard: 0, rank: 0, size: 5 }); }
    for (const id of nodes.keys()) if (!seen.has(id)) { nodes.delete(id); other = true; }
    const strongest = [...links].filter(([, speaker, weight]) => seen.has(speaker) && weight >= 0.02).sort((a, b) => b[2] - a[2]).slice(0, neurons.length > FEW ? neurons.length * LINKS : Infinity);
    const before = new Map(graph.graphData().links.map((one) => [one.key, one]));
    const kept = strongest.map(([source, target, weight]) => Object.assign(before.get(`${source}>${target}`) ?? { key: `${source}>${target}`, source, target }, { weight }));
    if (other || kept.length !== before.size || kept.some((one) => !before.has(one.key))) graph.graphData({ nodes: [...nodes.values()], links: kept });
    known.replaceChildren(...order.slice(0, 500).map(([id]) => make("option", { value: nameOf(id) })));
    box.setAttribute("aria-label", t("The network: {n} neurons; the table of neurons says the same in words", { n: number(neurons.length) }));
    tell();
  }

  function near(id) {
    return !picked || picked === id || graph.graphData().links.some(({ source, target }) => (source.id === picked && target.id === id) || (target.id === picked && source.id === id));
  }

  function start(Graph) {
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const made = new Graph(box).width(box.clientWidth).height(box.clientHeight).backgroundColor(colour("--canvas"))
      .nodeLabel(() => "").linkLabel(() => "")
      .linkColor(({ source, target }) => picked && source.id !== picked && target.id !== picked ? colour("--dim") : colour("--arrow"))
      .linkWidth(({ weight }) => 0.5 + 4 * weight).linkCurvature(0.12).linkDirectionalArrowLength(4).linkDirectionalArrowRelPos(1)
      .nodeVal(({ size }) => size * size / 12).nodePointerAreaPaint((node, ink, g) => { g.fillStyle = ink; g.beginPath(); g.arc(node.x, node.y, node.size + 3, 0, 7); g.fill(); })
      .nodeCanvasObject((node, g, scale) => paint(node, g, scale, colour))
      .onNodeClick((node) => pick(node.id === picked ? 0 : node.id)).onBackgroundClick(() => pick(0));
    if (still.matches) made.warmupTicks(200).cooldownTicks(0);
    else made.cooldownTime(6000);
    made.d3Force("charge").strength(-120);
    made.d3Force("link").distance(() => (nodes.size > FEW ? 30 : 70));
    made.d3Force("middle", (alpha) => { // those to whom nobody listens do not drift away
      for (const node of nodes.values()) { node.vx -= node.x * 0.12 * alpha; node.vy -= node.y * 0.12 * alpha; }
    });
    let fitted = 0;
    made.onEngineTick(() => { if (fitted++ % 30 === 15 && fitted < 120) made.zoomToFit(still.matches ? 0 : 300, 40); });
    made.onEngineStop(() => { if (fitted < 1e6) { fitted = 1e6; made.zoomToFit(still.matches ? 0 : 300, 40); } });
    new ResizeObserver(() => made.width(box.clientWidth).height(box.clientHeight)).observe(box);
    window.klopfPicture = made;
    return made;
  }

  function paint(node, g, scale, colour) {
    const { x, y, size } = node;
    g.globalAlpha = near(node.id) ? 1 : 0.15;
    if (node.standing === "requester") {
      g.fillStyle = colour("--accent");
      g.fillRect(x - size, y - size, 2 * size, 2 * size);
    } else {
      const light = 90 - Math.round(68 * (1 - (node.rank - 1) / Math.max(1, nodes.size - 1)));
      g.beginPath();
      g.arc(x, y, size, 0, 2 * Math.PI);
      g.fillStyle = `hsl(212 45% ${light}%)`;
      g.fill();
      g.beginPath();
      g.arc(x, y, size + 2, 0, 2 * Math.PI);
      g.setLineDash(DASHES[node.standing] ?? [1, 2]);
      g.lineWidth = node.id === picked ? 2.5 : 1.2;
      g.strokeStyle = node.id === picked ? colour("--accent") : colour("--ring");
      g.stroke();
      g.setLineDash([]);
      if (node.standing === "silent") {
        g.beginPath();
        g.moveTo(x - size, y - size);
        g.lineTo(x + size, y + size);
        g.strokeStyle = colour("--warn");
        g.lineWidth = 1.5;
        g.stroke();
      }
      if (size * scale > 7) {
        g.fillStyle = light < 55 ? "#fff" : "#111";
        g.font = `600 ${Math.min(size, 9)}px system-ui, sans-serif`;
        g.textAlign = "center";
        g.textBaseline = "middle";
        g.fillText(node.rank, x, y);
      }
    }
    if (nodes.size <= FEW || node.id === picked || node.rank <= 12 || scale > 2.5) {
      g.fillStyle = colour("--label");
      g.font = `${Math.max(11 / scale, 3)}px system-ui, sans-serif`;
      g.textAlign = "center";
      g.textBaseline = "top";
      g.fillText(node.name.slice(0, 24), x, y + size + 4);
    }
    g.globalAlpha = 1;
  }

  const drawn = () => { if (!gone) draw(); };
  requestAnimationFrame(drawn);
  return {
    element: section,
    news: (changed) => { if (changed === null || changed.neurons || changed.links || Number(slider.max) !== live.head.epoch) if (!epoch) draw(); else slider.max = String(live.head.epoch); },
    close: () => { gone = true; graph?._destructor(); },
  };
}
