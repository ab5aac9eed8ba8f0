// Files for people: any table as CSV, any plot as PNG, made here of what is shown.

import { live, nameOf } from "./live.js";
import { ask, make } from "./make.js";
import { here } from "./route.js";
import { language, t } from "./words.js";

function keep(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// As a spreadsheet may open it: an apostrophe stands before text that it would take for a formula, in wide signs too.
function cell(value) {
  if (value === null || value === undefined) return "";
  let text = typeof value === "object" ? Object.entries(value).map(([name, one]) => `${name} ${one}`).join("; ") : String(value);
  if (typeof value !== "number" && text.length > 1 && "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20".includes(text[0]) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(heads, rows, kinds = []) {
  const said = (value, i) => cell(kinds[i] === "neuron" && value ? nameOf(value) : value);
  return [heads.map((head) => cell(t(head))), ...rows.map((row) => row.map(said))].map((row) => `${row.join(",")}\n`).join("");
}

export function csvButton(name, given) {
  return make("button", { type: "button", class: "file", onclick: async () => keep(new Blob([language === "en" ? "" : "\ufeff", csv(...await given())], { type: "text/csv" }), `${name}.csv`) }, "CSV");
}

// On the ground that it has in the page: a canvas alone is see-through.
export function png(canvas, name, ground) {
  const picture = make("canvas", { width: String(canvas.width), height: String(canvas.height) });
  const g = picture.getContext("2d");
  g.fillStyle = ground;
  g.fillRect(0, 0, picture.width, picture.height);
  g.drawImage(canvas, 0, 0);
  picture.toBlob((blob) => keep(blob, `${name}.png`));
}

// What belongs to the picture of the network: itself, and the numbers that it is drawn from, of the epoch that it shows.
export function withFiles(part) {
  const drawn = async () => {
    const at = Number(here().query.get("at")) || 0;
    if (at) return ask(`/api/epoch/${at}`);
    const neurons = [...live.views.neurons.rows.values()].map((row) => [row[0], nameOf(row[0]), row[2], row[3], row[5]]);
    return { neurons, links: [...live.views.links.rows.values()] };
  };
  const save = make("button", { type: "button", class: "file", onclick: () => {
    const canvas = part.element.querySelector("canvas");
    if (canvas) png(canvas, "network", getComputedStyle(canvas.closest(".canvas")).backgroundColor);
  } }, "PNG");
  const neurons = csvButton("network-neurons", async () => [["id", "neuron", "standing", "heard", "earned"], (await drawn()).neurons]);
  const links = csvButton("network-links", async () => [["listener", "speaker", "weight"], (await drawn()).links, ["neuron", "neuron"]]);
  neurons.textContent = `CSV: ${t("neurons")}`;
  links.textContent = `CSV: ${t("arrows")}`;
  part.element.querySelector(".tools").append(save, neurons, links);
  return part;
}
