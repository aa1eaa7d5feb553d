// The search field: the index is fetched when it is first used. "/" goes there, arrows walk, Enter opens, Escape leaves.

import MiniSearch from "minisearch";
import { SEARCH } from "./search-options.mjs";

const MOST = 12;
const field = document.querySelector("#query");
const list = document.querySelector("#found");
let index;

async function load() {
  index ??= fetch("search.json")
    .then((answer) => answer.text())
    .then((text) => MiniSearch.loadJSON(text, SEARCH));
  return await index;
}

async function show() {
  const query = field.value.trim();
  const results = query === "" ? [] : (await load()).search(query).slice(0, MOST);
  // The field may say something else by now.
  if (query !== field.value.trim()) return;
  list.hidden = query === "";
  list.replaceChildren(...(results.length > 0 ? results.map(itemOf) : [nothing()]));
}

function itemOf({ id, heading, page }) {
  const link = Object.assign(document.createElement("a"), { href: id, textContent: heading || page });
  const where = Object.assign(document.createElement("span"), { textContent: page });
  const item = document.createElement("li");
  item.append(link, " ", where);
  return item;
}

function nothing() {
  return Object.assign(document.createElement("li"), { textContent: "nothing found" });
}

function walk(step) {
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const next = at + step;
  if (next < 0) field.focus();
  else links[Math.min(next, links.length - 1)]?.focus();
}

field.addEventListener("input", () => void show());
addEventListener("keydown", (event) => {
  const inSearch = event.target === field || list.contains(event.target);
  if (event.key === "/" && !inSearch) field.focus();
  else if (inSearch && event.key === "ArrowDown") walk(1);
  else if (inSearch && event.key === "ArrowUp") walk(-1);
  else if (inSearch && event.key === "Escape") {
    field.value = "";
    list.hidden = true;
    field.focus();
  } else if (event.target === field && event.key === "Enter") list.querySelector("a")?.click();
  else return;
  event.preventDefault();
});
