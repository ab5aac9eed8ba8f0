// What there is to see: everything at a glance, one view, one neuron, one payment.

import { acting, toDo } from "./acting.js";
import { fill, money, neuron, scores, standing } from "./cells.js";
import { csvButton, withFiles } from "./files.js";
import { live, nameOf, place } from "./live.js";
import { ask, make } from "./make.js";
import { picture } from "./picture.js";
import { table } from "./table.js";
import { number, share, t } from "./words.js";
import { link } from "./route.js";

export function overview() {
  const parts = [figures(), ...(live.views.alarms ? [table("alarms", { limit: 20, tools: false, first: mine })] : []), withFiles(picture()), table("neurons", { limit: 50, sort: "heard" }), table("news", { limit: 12, tools: false, sort: "block" })].filter(Boolean);
  return several(parts, "overview");
}

export function network() {
  return several([withFiles(picture({ tall: true })), table("links", { sort: "weight" })], "one");
}

export function one(id) {
  if (!Object.hasOwn(live.views, id)) return told(t("There is no such view."));
  return several([table(id, { first: id === "alarms" ? mine : null, sort: { neurons: "heard", payments: "epoch", news: "block", audits: "epoch", disputes: "epoch", jobs: "job" }[id] ?? "" })], "one");
}

// What needs the owner of the key that acts here stands before what needs anybody, and that before what needs others.
function mine([, id]) {
  if (!id || !acting.address) return 1;
  const owner = live.views.money?.rows.get(String(id))?.[place("money", "owner")];
  return String(owner).toLowerCase() === acting.address.toLowerCase() ? 0 : 2;
}

function several(parts, name) {
  return {
    element: make("div", { class: name }, ...parts.map((part) => part.element)),
    news: (changed) => parts.forEach((part) => part.news?.(changed)),
    close: () => parts.forEach((part) => part.close?.()),
  };
}

function told(text) {
  return { element: make("p", {}, text), news: () => {} };
}

function figures() {
  const list = make("dl", { class: "figures" });
  const values = {};
  for (const title of ["neurons", "backbone", "epoch", "block", "transactions", "supply"]) {
    values[title] = make("dd");
    list.append(make("div", {}, make("dt", {}, t(title)), values[title]));
  }
  const say = () => {
    const rows = [...live.views.neurons.rows.values()];
    const said = { neurons: number(rows.length), backbone: number(rows.filter((row) => row[2] === "backbone").length), epoch: `${number(live.head.epoch)} (${t(live.head.phase)})`, block: number(live.head.block), transactions: number(live.head.transactions), supply: money(live.head.supply) };
    for (const [title, text] of Object.entries(said)) if (values[title].textContent !== text) values[title].textContent = text;
  };
  say();
  return { element: make("section", { "aria-label": t("Figures") }, list), news: say };
}

function short(heads, rows, kinds) {
  const columns = heads.map((title, i) => ({ title, kind: kinds[i] }));
  const head = make("tr", {}, ...columns.map(({ title }) => make("th", { scope: "col" }, t(title))));
  const body = rows.map((row) => make("tr", {}, ...columns.map(({ kind }, i) => { const cell = make("td"); fill(cell, kind, row[i], row, columns); return cell; })));
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.map((title) => t(title)).join(", ") }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
  return make("div", { class: "short" }, scroll, rows.length ? csvButton(heads.join("-").replaceAll(" ", "-"), () => [heads, rows, kinds]) : "");
}

export function ofNeuron(id) {
  const section = make("section", { class: "view neuron" });
  let paid = [];
  const news = () => {
    const row = live.views.neurons.rows.get(String(id));
    if (!row) return section.replaceChildren(make("p", {}, t("There is no such neuron.")));
    const [, model, stands, heard, audit, earned, slashed, stake] = row;
    const links = [...live.views.links.rows.values()];
    const alarms = [...(live.views.alarms?.rows.values() ?? [])].filter((row) => row[1] === id);
    const parts = [
      make("h2", {}, nameOf(id), " ", standing(stands)),
      make("p", { class: "lead" }, `#${id}, ${model}`, live.adversaries.has(id) ? ` (${t("adversary")})` : ""),
      alarms.length ? short(["what", "epoch", "until", "to do"], alarms.map((row) => [row[0], row[2], row[3], row[4]]), ["text", "epoch", "time", "act"]) : "",
      make("p", { class: "tools" }, ...["stake", "unstake", "withdraw"].map((act) => toDo(act, { id }))),
      make("dl", { class: "figures" }, ...[["heard", share(heard)], ["earned", money(earned)], ["stake", money(stake)], ["slashed", money(slashed)], ["audit", scores(audit)]].map(([title, text]) => make("div", {}, make("dt", {}, t(title)), make("dd", {}, text)))),
      make("h3", {}, t("Who listens to it")), short(["listener", "weight"], links.filter((link) => link[1] === id).map((link) => [link[0], link[2]]), ["neuron", "share"]),
      make("h3", {}, t("Whom it listens to")), short(["speaker", "weight"], links.filter((link) => link[0] === id).map((link) => [link[1], link[2]]), ["neuron", "share"]),
      make("h3", {}, t("What it was paid")), short(["epoch", "neuron", "reward", "fees", "amount"], paid, ["epoch", "neuron", "money", "money", "paid"]),
      make("h3", {}, t("Models")), short(["since epoch", "model"], [...(live.views.models?.rows.values() ?? [])].filter((row) => row[0] === id).map((row) => [row[1], row[2]]).reverse(), ["epoch", "text"]),
      make("h3", {}, t("Audits")), short(["epoch", "outcome", "audit", "results"], [...(live.views.audits?.rows.values() ?? [])].filter((row) => row[1] === id).map((row) => [row[0], row[2], row[3], row[4]]).reverse(), ["epoch", "text", "scores", "number"]),
      make("h3", {}, t("Money")), short(["thawing", "thawed at", "fees free", "set aside", "owner"], [live.views.money?.rows.get(String(id))].filter(Boolean).map((row) => [row[4], row[5], row[7], row[8], row[9]]), ["money", "time", "money", "money", "text"]),
      make("h3", {}, t("What happened")), short(["epoch", "what", "more"], [...live.views.news.rows.values()].filter((row) => row[2] === id).sort((a, b) => b[0] - a[0]).map((row) => [row[1], row[3], row[4]]), ["epoch", "text", "text"]),
    ];
    section.replaceChildren(...parts);
  };
  const fetched = async () => { try { paid = (await ask(`/api/payments/${id}`)).filter((row) => Number(row[4]) > 0); news(); } catch { /* told by the state of the connection */ } };
  news();
  fetched();
  return { element: section, news: (changed) => { if (changed === null || changed.payments) fetched(); if (changed === null || changed.neurons?.includes(String(id)) || changed.links || changed.news || changed.alarms || changed.money || changed.models || changed.audits) news(); } };
}

export function proposal(id) {
  const section = make("section", { class: "view proposal" }, make("h2", {}, t("Proposal {which}", { which: `…${id.slice(-8)}` })));
  const waiting = make("p", { role: "status" }, t("Reading the ledger…"));
  section.append(waiting);
  ask(`/api/proposal/${encodeURIComponent(id)}`).then((said) => {
    const rows = said.changes.map((one) => [one.rule, one.now, one.then]);
    waiting.replaceWith(
      make("p", {}, said.description),
      make("p", { class: "lead" }, `${t(said.state)}. ${said.waits}`),
      make("p", { class: "tools" }, ...["vote", "queue", "execute"].map((act) => toDo(act, { proposal: id }))),
      make("h3", {}, t("What it would change")), short(["rule", "now", "then"], rows, ["raw", "raw", "raw"]),
      make("h3", {}, t("Votes")), short(["for", "against", "abstain"], [[said.votes.for, said.votes.against, said.votes.abstain]], ["money", "money", "money"]),
      make("h3", {}, t("proposed by")), make("code", {}, said.proposer));
  }, (error) => waiting.replaceWith(make("p", { class: "bad" }, error.message)));
  return { element: section, news: () => {} };
}

export function explanation(id, epoch) {
  const section = make("section", { class: "view explain" }, make("h2", {}, t("Why was {name} paid this in epoch {epoch}?", { name: nameOf(id), epoch: number(epoch) })));
  const waiting = make("p", { role: "status" }, t("Reading the ledger…"));
  section.append(make("p", { class: "lead" }, neuron(id), " · ", make("a", { href: link(["explain", String(id), String(Math.max(1, epoch - 1))]) }, t("the epoch before")), " · ", make("a", { href: link(["explain", String(id), String(epoch + 1)]) }, t("the epoch after"))), waiting);
  ask(`/api/explain/${id}/${epoch}`).then(({ text, said }) => {
    const receipts = said.receipts.map((one) => [one.listener, one.stake, Number(one.weight), Number(one.counted), one.answers]);
    waiting.replaceWith(
      make("p", { class: "amount" }, `${money(said.amount)} KLP`),
      make("ul", {}, ...said.because.map((line) => make("li", {}, line))),
      make("h3", {}, t("Receipts")), short(["listener", "stake", "weight", "counted", "answers"], receipts, ["text", "money", "share", "share", "number"]),
      make("h3", {}, t("Transactions")), make("ul", { class: "hashes" }, ...Object.entries(said.transactions).map(([what, hash]) => make("li", {}, `${t(what)} `, make("code", {}, hash)))),
      make("details", {}, make("summary", {}, t("As `klopf explain` says it")), make("pre", {}, text)));
  }, (error) => waiting.replaceWith(make("p", { class: "bad" }, error.message)));
  return { element: section, news: () => {} };
}
