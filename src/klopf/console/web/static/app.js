// The page: where one is, what is shown there, and whether it is fresh.

import { act, acting, acts, unlock } from "./acting.js";
import { listen, live, open } from "./live.js";
import { make } from "./make.js";
import { explanation, network, ofNeuron, one, overview, proposal } from "./places.js";
import { here, link } from "./route.js";
import { LANGUAGES, language, number, speak, t } from "./words.js";

const $ = (id) => document.getElementById(id);
let shown = null, at = "";

function show(force = false) {
  const { path } = here();
  const where = path.join("/");
  if (!force && where === at) return;
  at = where;
  shown?.close?.();
  const [place = "", ...rest] = path;
  shown = place === "" ? overview() : place === "network" ? network() : place === "neuron" ? ofNeuron(Number(rest[0])) : place === "act" ? (rest[0] ? act(rest[0]) : acts()) : place === "proposal" ? proposal(rest[0] ?? "") : place === "explain" ? explanation(Number(rest[0]), Number(rest[1])) : one(place);
  $("main").replaceChildren(shown.element);
  nav();
}

function nav() {
  const places = [["", t("Overview")], ["network", t("The network")], ...Object.entries(live.views).filter(([id]) => id !== "links").map(([id, view]) => [id, t(view.title)]), ...(acting.acts.length ? [["act", t("Act")]] : [])];
  const now = here().path[0] ?? "";
  $("nav").replaceChildren(...places.map(([id, title]) => make("a", { href: link(id ? [id] : []), "aria-current": id === now ? "page" : null }, title)));
}

function header() {
  const { head } = live;
  $("name").textContent = live.name;
  document.title = `${live.name} · Klopf`;
  $("where").className = live.connected && !head.trouble ? "fresh" : "stale";
  const state = !live.connected ? t("not connected") : head.trouble ? t("the ledger is away") : !head.whole ? t("live; of its history {block} of {tip} blocks are read", { block: number(Math.max(0, head.read)), tip: number(head.tip) }) : head.behind ? t("reading block {block} of {tip}", { block: number(head.block), tip: number(head.tip) }) : t("live");
  const text = `${t("epoch {n}", { n: number(head.epoch) })} · ${state}`;
  if ($("where").textContent !== text) $("where").textContent = text;
  const alarms = [...(head.trouble ? [head.trouble] : []), ...Object.values(head.broken ?? {})];
  const said = alarms.join("\n");
  if ($("alarms").dataset.said !== said) {
    $("alarms").dataset.said = said;
    $("alarms").replaceChildren(...alarms.map((line) => make("p", {}, line)));
  }
}

async function languages() {
  const asked = new URLSearchParams(location.search).get("lang") || localStorage.getItem("language") || navigator.language.split("-")[0];
  await speak(asked);
  $("language").replaceChildren(...Object.entries(LANGUAGES).map(([id, name]) => make("option", { value: id, selected: id === language }, name)));
  $("language").addEventListener("change", async () => {
    localStorage.setItem("language", $("language").value);
    await speak($("language").value);
    fixed();
    show(true);
    header();
  });
  fixed();
}

function fixed() {
  $("skip").textContent = t("Skip to the content");
  $("language-label").textContent = t("Language");
  $("nav").setAttribute("aria-label", t("Views"));
}

await Promise.all([unlock(), languages(), open()]);
header();
show(true);
listen((changed) => {
  header();
  if (changed === null) show(true);
  else shown.news(changed);
});
addEventListener("hashchange", () => { show(); $("main").focus({ preventScroll: true }); scrollTo(0, 0); });
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
