// How a value of each kind is shown.

import { toDo } from "./acting.js";
import { live, nameOf } from "./live.js";
import { make } from "./make.js";
import { link } from "./route.js";
import { moment, number, share, t } from "./words.js";

const SIGNS = { backbone: "●", fringe: "◐", silent: "✕" };
export const NUMERIC = new Set(["number", "share", "money", "amount", "paid", "epoch"]);

export function money(text) {
  return number(text === null ? null : Number(text), 2);
}

export function standing(value) {
  return make("span", { class: `standing ${value in SIGNS ? value : ""}` }, `${SIGNS[value] ?? "○"} ${t(value)}`);
}

export function neuron(id) {
  return make("a", { href: link(["neuron", String(id)]) }, nameOf(id));
}

export function scores(value) {
  if (value === null) return "…";
  return Object.entries(value).map(([task, score]) => `${t(task)} ${share(score)}`).join(", ") || "–";
}

export function fill(cell, kind, value, row, columns) {
  cell.replaceChildren();
  cell.removeAttribute("title");
  if (value === undefined) return;
  if (value === null) {
    if (live.head.whole) return;
    cell.title = t("not known before the history has been read");
    cell.append("…");
    cell.style.removeProperty("--part");
    return;
  }
  if (kind === "share") {
    cell.style.setProperty("--part", String(Math.max(0, Math.min(1, value))));
    cell.append(share(value));
  } else if (kind === "money") {
    cell.title = `${value} KLP`;
    cell.append(money(value));
  } else if (kind === "amount") {
    cell.title = value;
    cell.append(number(Number(value), 6));
  } else if (kind === "paid") {
    const at = (wanted) => String(row[columns.findIndex((column) => column.kind === wanted)]);
    const told = { href: link(["explain", at("neuron"), at("epoch")]), title: `${value} KLP: ${t("why?")}` };
    cell.append(make("a", told, money(value)));
  } else if (kind === "raw") cell.append(String(value)); // as the ledger says it: no word of the catalogue's
  else if (kind === "standing") cell.append(standing(value));
  else if (kind === "time") cell.append(make("time", {}, moment(value)));
  else if (kind === "proposal") cell.append(make("a", { href: link(["proposal", String(value)]) }, `…${String(value).slice(-8)}`));
  else if (kind === "act") {
    const [name, about] = String(value).split("?");
    cell.append(toDo(name, Object.fromEntries(new URLSearchParams(about ?? ""))) ?? "");
  } else if (kind === "neuron") cell.append(value ? neuron(value) : "");
  else if (kind === "scores") cell.append(scores(value));
  else if (kind === "number" || kind === "epoch") cell.append(number(value));
  else cell.append(t(String(value)));
}

export function compare(kind, a, b) {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (kind === "neuron") return nameOf(a).localeCompare(nameOf(b));
  if (kind === "money" || kind === "amount" || kind === "paid") return Number(a) - Number(b);
  if (kind === "scores") return mean(a) - mean(b);
  if (typeof a === "number") return a - b;
  return String(a).localeCompare(String(b));
}

function mean(value) {
  const all = Object.values(value);
  return all.length ? all.reduce((sum, one) => sum + one, 0) / all.length : -1;
}
