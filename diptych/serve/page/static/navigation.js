// Loads addresses of our own pages into <main>. The history keeps the address, the content and where it was scrolled to.

import { base } from "./base.js";

const KEPT = 20;
const kept = new Map(); // history key -> { content, title, scroll }
let running = null;
let startContent = () => {};

export function startNavigation(start) {
  startContent = start;
  history.scrollRestoration = "manual";
  history.replaceState({ key: newKey() }, "");
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  window.addEventListener("popstate", onBack);
}

// Show an address of ours as if a link to it had been followed.
export async function visit(address, { focus } = {}) {
  const target = new URL(address, location.href);
  keepContent();
  const page = await load(target);
  if (!page) return;
  history.pushState({ key: newKey(), inside: true }, "", page.address);
  show(page);
  const place = target.hash && document.getElementById(decodeURIComponent(target.hash.slice(1)));
  if (place) place.scrollIntoView();
  else window.scrollTo(0, 0);
  (focus?.() ?? document.querySelector("main")).focus({ preventScroll: true });
}

function onClick(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = typeof link.href === "string" ? link.href : new URL(link.getAttribute("href"), location.href).href;
  const target = new URL(href);
  const here = target.pathname + target.search === location.pathname + location.search;
  if (target.origin !== location.origin || link.target || link.hasAttribute("download") || (here && target.hash)) return;
  if (!target.pathname.startsWith(base) || target.pathname.startsWith(`${base}api/`)) return;
  event.preventDefault();
  visit(target);
}

function onSubmit(event) {
  const form = event.target;
  if (form.method !== "get" || event.defaultPrevented) return;
  event.preventDefault();
  const words = form.querySelector("#q");
  visit(filledIn(form), { focus: () => (document.activeElement === words || !words ? document.querySelector("#q") : null) });
}

// The address of a form as it is filled in, without the parameters that are left out.
export function filledIn(form, leftOut = []) {
  const target = new URL(form.action);
  target.search = new URLSearchParams([...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && value.trim() && !leftOut.includes(name)));
  return target;
}

async function onBack(event) {
  const page = kept.get(event.state?.key);
  if (page) {
    show(page);
    window.scrollTo(0, page.scroll);
  } else {
    const loaded = await load(new URL(location.href));
    if (loaded) show(loaded);
  }
}

async function load(target) {
  running?.abort();
  const control = (running = new AbortController());
  document.body.classList.add("busy");
  try {
    const response = await fetch(target, { signal: control.signal, headers: { accept: "text/html" } });
    if (!response.headers.get("content-type")?.startsWith("text/html")) throw new Error("no page");
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const address = new URL(response.url);
    address.hash = target.hash;
    return { content: page.querySelector("main"), nav: page.querySelector(".top nav"), title: page.title, address, scroll: 0 };
  } catch (error) {
    if (error.name !== "AbortError") location.assign(target); // the browser says what is wrong
    return null;
  } finally {
    if (running === control) document.body.classList.remove("busy");
  }
}

function show(page) {
  document.title = page.title;
  const content = document.importNode(page.content, true);
  document.querySelector("main").replaceWith(content);
  if (page.nav) document.querySelector(".top nav").replaceWith(document.importNode(page.nav, true));
  startContent(content);
  announce(content.querySelector("[data-announce]")?.dataset.announce ?? document.title);
}

// Kept as it was when it was left, so that Back shows it at once.
function keepContent() {
  const key = history.state?.key;
  if (!key) return;
  kept.set(key, {
    content: document.querySelector("main").cloneNode(true),
    nav: document.querySelector(".top nav").cloneNode(true),
    title: document.title,
    scroll: window.scrollY,
  });
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}

export function announce(text) {
  document.querySelector("#announcement").textContent = text;
}

function newKey() {
  return Math.random().toString(36).slice(2);
}
