// One message catalogue: English is what the code says, a file in languages/ has what others say for it.

export const LANGUAGES = { en: "English", zh: "中文" };
let words = {};
export let language = "en";

export async function speak(wanted) {
  language = Object.hasOwn(LANGUAGES, wanted) ? wanted : "en";
  words = language === "en" ? {} : await (await fetch(`/static/languages/${language}.json`)).json();
  document.documentElement.lang = language;
}

export function t(english, parts = {}) {
  let said = Object.hasOwn(words, english) ? words[english] : english;
  for (const [name, value] of Object.entries(parts)) said = said.replaceAll(`{${name}}`, value);
  return said;
}

const UNKNOWN = "…"; // what only the whole history tells, until it has been read

const forms = new Map(); // to make one costs more than to use it a hundred times
function form(style, digits) {
  const key = `${language} ${style} ${digits}`;
  if (!forms.has(key)) forms.set(key, new Intl.NumberFormat(language, { style, minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return forms.get(key);
}

export function number(value, digits = 0) {
  if (value === null) return UNKNOWN;
  return form("decimal", digits).format(value);
}

// A moment in seconds since 1970; one beyond what a calendar has stays a number.
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  return Number.isFinite(at.getTime()) ? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(at) : String(seconds);
}

export function share(value) {
  if (value === null) return UNKNOWN;
  return form("percent", 1).format(value);
}
