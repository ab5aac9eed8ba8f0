// Acting with a key that was unlocked on the command line: a form, what would be signed in full, and one confirmation.

import { live, nameOf } from "./live.js";
import { ask, make } from "./make.js";
import { here, link } from "./route.js";
import { number, t } from "./words.js";

export const acting = { address: "", acts: [] };
let secret = "";

// What the link has behind its # is kept for this tab alone: no other port and no other tab of the browser has it.
export async function unlock() {
  const { path, query } = here();
  if (query.has("unlock")) {
    sessionStorage.setItem("unlocked", query.get("unlock"));
    query.delete("unlock");
    history.replaceState(null, "", link(path, Object.fromEntries(query)));
  }
  secret = sessionStorage.getItem("unlocked") ?? "";
  try {
    Object.assign(acting, await ask("/api/acts", secret ? { headers: { "klopf-unlocked": secret } } : {}));
  } catch {
    acting.acts = [];
  }
}

function post(path, said) {
  return ask(path, { method: "POST", headers: { "klopf-unlocked": secret, "content-type": "application/json" }, body: JSON.stringify(said) });
}

export function can(name) {
  return acting.acts.some((act) => act.name === name);
}

// A link to an act with what it is about, where the page can act; else nothing.
export function toDo(name, about = {}) {
  const act = acting.acts.find((one) => one.name === name);
  return act ? make("a", { class: "do", href: link(["act", name], about) }, t(act.title)) : null;
}

export function acts() {
  const items = acting.acts.map((act) => make("li", {}, make("a", { href: link(["act", act.name]) }, t(act.title)), act.lead ? ` – ${t(act.lead)}` : ""));
  const section = make("section", { class: "view act" }, make("h2", {}, t("Act")),
    make("p", { class: "lead" }, acting.acts.length ? t("With the key {address}. Everything is shown in full before it is signed.", { address: acting.address }) : t("This page can only read. To act, start it with klopf page … --key KEYFILE and open the link that it prints.")),
    make("ul", {}, ...items));
  return { element: section, news: () => {} };
}

export function act(name) {
  const found = acting.acts.find((one) => one.name === name);
  if (!found) return acts();
  const filled = here().query;
  const controls = found.fields.map((field) => [field, control(field, filled.get(field.name) ?? "")]);
  const told = make("div", { class: "shown", role: "status" });
  let busy = false;
  const form = make("form", { class: "fill", onsubmit: (event) => { event.preventDefault(); look(); } },
    ...controls.map(([field, input]) => make("label", {}, make("span", {}, field.optional ? `${t(field.title)} (${t("may be empty")})` : t(field.title)), input)),
    make("button", { type: "submit" }, t("Show what would be signed")));
  const section = make("section", { class: "view act" }, make("h2", {}, t(found.title)), make("p", { class: "lead" }, t(found.lead)), form, told);

  async function once(work) {
    if (busy) return;
    busy = true;
    section.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    try {
      await work();
    } catch (error) {
      told.replaceChildren(make("p", { class: "bad", tabindex: "-1" }, error.message));
      told.firstChild.focus();
    } finally {
      busy = false;
      section.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    }
  }

  function look() {
    return once(async () => {
      const given = Object.fromEntries(controls.map(([field, input]) => [field.name, input.value]));
      const shown = await post("/api/acts/preview", { act: name, given });
      told.replaceChildren(...preview(shown, () => once(async () => {
        const sent = await post("/api/acts/confirm", { token: shown.token, digest: shown.digest });
        told.replaceChildren(make("p", { class: "done", tabindex: "-1" }, t("Sent in block {block}", { block: number(sent.block) }), " ", make("code", {}, sent.transaction)),
          sent.more ? make("button", { type: "button", onclick: look }, t("One more is needed: show it")) : "");
        told.firstChild.focus();
      }), () => told.replaceChildren()));
      told.querySelector("h3").focus();
    });
  }

  return { element: section, news: () => {} };
}

function control(field, value) {
  if (field.kind === "vote") return make("select", { name: field.name }, ...["for", "against", "abstain"].map((one) => make("option", { value: one, selected: one === value }, t(one))));
  if (field.kind === "proposal") {
    const rows = [...(live.views.votes?.rows ?? [])].reverse();
    return make("select", { name: field.name }, ...rows.map(([key, row]) => make("option", { value: key, selected: key === value }, `…${row[0].slice(-8)} ${row[1]}`.slice(0, 80))));
  }
  if (field.kind === "lines") return make("textarea", { name: field.name, rows: "4", spellcheck: "false" }, value);
  if (field.kind !== "id") return make("input", { name: field.name, value, autocomplete: "off", inputmode: field.kind === "klp" ? "decimal" : field.kind === "whole" || field.kind === "count" ? "numeric" : null });
  const known = make("datalist", { id: `known-${field.name}` }, ...Object.keys(live.names).slice(0, 1000).map((id) => make("option", { value: id }, nameOf(id))));
  const input = make("input", { name: field.name, value, autocomplete: "off", inputmode: "numeric", list: known.id });
  input.known = known;
  return input;
}

function preview(shown, sign, not) {
  const rows = shown.arguments.map((one) => make("tr", {}, make("th", { scope: "row" }, one.name), make("td", {}, one.words || one.value), make("td", { class: "raw" }, one.words ? one.value : ""), make("td", { class: "raw" }, one.type)));
  const line = (title, ...text) => make("div", {}, make("dt", {}, t(title)), make("dd", {}, ...text));
  const free = shown.most === "0";
  return [
    make("h3", { tabindex: "-1" }, t("This would be signed")),
    shown.about.length ? make("ul", {}, ...shown.about.map((said) => make("li", {}, said))) : "",
    make("dl", { class: "signed" },
      line("contract", `${shown.contract} `, make("code", {}, shown.to)),
      line("function", make("code", {}, shown.function)),
      line("with the key", make("code", {}, shown.from)),
      line("chain", String(shown.chain)),
      line("coin sent along", shown.value),
      line("gas", `${number(shown.gas)}: `, free ? t("free here") : t("{cost} now, {most} at most", { cost: shown.cost, most: shown.most }))),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("arguments") }, make("table", {}, make("caption", {}, t("arguments")), make("tbody", {}, ...rows))),
    make("details", {}, make("summary", {}, t("As bytes")), make("code", {}, shown.data)),
    shown.more ? make("p", {}, t("One more is signed after this one; it is shown then.")) : "",
    make("p", { class: "tools" }, make("button", { type: "button", class: "sign", onclick: sign }, t("Sign and send")), make("button", { type: "button", onclick: not }, t("Do not"))),
  ].filter(Boolean);
}
