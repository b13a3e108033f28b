// Keys: / to the search field, j and k or arrows between hits, Enter opens, Esc goes back; left and right turn pages.

import { base } from "./base.js";
import { visit } from "./navigation.js";

const STOPS = ".hits .place a, .parts .place a, .products h2 a, .documents th a, .statements li";

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
    const words = document.querySelector("#q");
    if (event.target.matches?.("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      else if (event.key === "/" && event.target === words && !words.value) event.preventDefault(); // it is there already
      else if (event.key === "ArrowDown" && event.target === words && move(1)) event.preventDefault();
      return;
    }
    if (act(event, words)) event.preventDefault();
  });
}

function act(event, words) {
  switch (event.key) {
    case "/": goToSearch(words); return true;
    case "j": case "ArrowDown": return event.target.closest?.(".sheet") ? false : move(1);
    case "k": case "ArrowUp": return event.target.closest?.(".sheet") ? false : move(-1);
    case "ArrowLeft": return event.target.closest?.(".sheet") ? false : turn("prev");
    case "ArrowRight": return event.target.closest?.(".sheet") ? false : turn("next");
    case "Escape": return goBack();
    default: return false;
  }
}

function goToSearch(words) {
  if (!words) visit(base, { focus: () => document.querySelector("#q") });
  words?.focus();
  words?.select();
}

function move(step) {
  const stops = [...document.querySelectorAll(STOPS)];
  if (!stops.length) return false;
  const now = stops.indexOf(document.activeElement);
  if (now === 0 && step < 0) {
    document.querySelector("#q")?.focus();
    return true;
  }
  const next = now < 0 ? (step > 0 ? 0 : -1) : now + step;
  const stop = stops.at(next < 0 ? 0 : Math.min(next, stops.length - 1));
  stop.focus({ preventScroll: true });
  (stop.closest("li, tr") ?? stop).scrollIntoView({ block: "nearest" });
  return true;
}

function turn(direction) {
  const link = document.querySelector(`.turn a[rel=${direction}]`);
  link?.click();
  return Boolean(link);
}

function goBack() {
  const up = document.querySelector(".crumbs a[rel=up]");
  if (!up) return false;
  if (history.state?.inside && up.dataset.back !== undefined) history.back();
  else up.click();
  return true;
}
