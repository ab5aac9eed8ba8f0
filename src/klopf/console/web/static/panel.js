// What every page has that is no network's: its language, its heading, the way to its content.

import { make } from "./make.js";
import { LANGUAGES, language, speak, t } from "./words.js";

export const $ = (id) => document.getElementById(id);

// `again` is called when the words are other ones.
export async function begin(again) {
  const fixed = () => { $("skip").textContent = t("Skip to the content"); $("language-label").textContent = t("Language"); };
  await speak(new URLSearchParams(location.search).get("lang") || localStorage.getItem("language") || navigator.language.split("-")[0]);
  fixed();
  $("language").replaceChildren(...Object.entries(LANGUAGES).map(([id, name]) => make("option", { value: id, selected: id === language }, name)));
  $("language").addEventListener("change", async () => { localStorage.setItem("language", $("language").value); await speak($("language").value); fixed(); again(); });
  $("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
}

export function state(fresh, said) {
  $("where").className = fresh ? "fresh" : "stale";
  if ($("where").textContent !== said) $("where").textContent = said;
}

// A table that is made once and filled again: headings in English, as the catalogues have them; rows of texts or elements.
export function plainTable(title, heads, numeric = []) {
  const body = make("tbody");
  const head = make("tr", {}, ...heads.map((one, i) => make("th", { scope: "col", class: numeric.includes(i) ? "n" : null }, t(one))));
  const element = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t(title) }, make("table", {}, make("thead", {}, head), body));
  const fill = (rows) => body.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((one, i) => make("td", { class: numeric.includes(i) ? "n" : null }, one)))));
  return { element, fill };
}
