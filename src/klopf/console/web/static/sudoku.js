// The classroom's Sudoku: cover, shuffle, ask, uncover. A renamed number is shown as a letter, since it is no number.

import { ask, make } from "./make.js";
import { $, begin, state } from "./panel.js";
import { number, t } from "./words.js";

const MANY = 100;
let game = null, board = [], parts = {};

function post(path, said = {}) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) });
}

function build() {
  board = Array.from({ length: 81 }, () => make("td"));
  const table = make("table", { class: "board" }, make("caption", {}, t("The prover's grid")), make("tbody", {}, ...Array.from({ length: 9 }, (_, row) => make("tr", {}, ...board.slice(9 * row, 9 * row + 9)))));
  const given = make("table", { class: "board" }, make("caption", {}, t("The puzzle, which everybody knows")), make("tbody", {}, ...Array.from({ length: 9 }, (_, row) => make("tr", {}, ...game.puzzle.slice(9 * row, 9 * row + 9).map((cell) => make("td", {}, cell ? String(cell) : ""))))));
  const against = make("select", { "aria-label": t("Who proves"), onchange: deal }, ...[["prover", t("somebody who has the solution")], ["cheat", t("a cheat who exchanged two cells")], ["other", t("a cheat with another Sudoku's solution")]].map(([value, text]) => make("option", { value, selected: value === game.against }, text)));
  const classroom = make("input", { type: "checkbox", checked: game.classroom, onchange: deal });
  const asks = make("div", { class: "ask", role: "group", "aria-label": t("Uncover") }, ...game.asks.map(([challenge, name]) => make("button", { type: "button", onclick: () => uncover({ challenge }) }, named(name))));
  const told = make("p", { class: "told", role: "status" }), root = make("code");
  parts = { table, against, classroom, asks, told, root };
  $("name").textContent = t("Sudoku, proven without being shown");
  document.title = `${t("Sudoku, proven without being shown")} · Klopf`;
  $("main").replaceChildren(make("section", { class: "view" },
    make("p", { class: "lead" }, t("The prover says that it has the solution. In each round it renames the numbers at random, lays a card on each of 81 cells, and you ask for a row, a column, a box or the givens; these cards alone are turned. Nine different letters tell you nothing of the solution, and a cheat is caught sooner or later.")),
    make("div", { class: "tools" }, against, make("label", {}, classroom, ` ${t("as in the classroom: rows and columns alone")}`)),
    make("h2", {}, t("Uncover")), asks,
    make("div", { class: "tools" }, make("button", { type: "button", onclick: () => uncover({ rounds: 1 }) }, t("any, at random")), make("button", { type: "button", onclick: () => uncover({ rounds: MANY }) }, t("{n} rounds at random", { n: number(MANY) }))),
    told, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("The prover's grid") }, table), make("p", {}, t("Covered as"), " ", root), make("details", {}, make("summary", {}, t("The puzzle, which everybody knows")), given)));
}

function named(name) {
  const [what, n] = name.split(" ");
  return n ? `${t(what)} ${n}` : t(what);
}

function draw(said) {
  game = said;
  const shown = said.shown ?? {}, of = new Set(said.of ?? []);
  board.forEach((cell, at) => {
    const letter = shown[at] ?? (of.has(at) ? "✕" : "");
    cell.className = of.has(at) ? "shown" : "covered";
    cell.textContent = letter || "▪";
  });
  parts.root.textContent = (said.opened ?? said.root);
  for (const button of $("main").querySelectorAll("button")) button.disabled = Boolean(said.caught);
  const bound = said.classroom ? t("There is a grid that has nothing to do with the puzzle and passes all of these.") : t("A cheat that was asked at random passed {n} rounds with probability at most {p}.", { n: number(said.rounds), p: said.passes.toPrecision(2) });
  parts.told.className = said.caught ? "told bad" : "told";
  parts.told.textContent = said.caught ? `${t("caught in round {n}", { n: number(said.rounds) })}: ${named(said.asked)}` : said.asked ? `${t("round {n}", { n: number(said.rounds) })}: ${named(said.asked)}, ${t("as a solution's.")} ${bound}` : t("All cells are covered: ask.");
  state(true, said.caught ? t("caught") : t("round {n}", { n: number(said.rounds) }));
}

async function once(work) {
  try {
    draw(await work());
  } catch (error) {
    parts.told.textContent = error.message;
    state(false, t("not connected"));
  }
}

function uncover(said) {
  return once(() => post("/api/sudoku/ask", said));
}

async function deal() {
  const said = { against: parts.against.value, classroom: parts.classroom.checked };
  const focused = document.activeElement === parts.classroom ? "classroom" : "against";
  await once(async () => { game = await post("/api/sudoku", said); build(); return game; });
  parts[focused].focus();
}

function again() {
  build();
  draw(game);
}

await begin(again);
game = await post("/api/sudoku");
again();
