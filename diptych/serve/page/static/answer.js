// Draws a checked answer. Everything in it is text: nothing is ever parsed as markup.

import { base } from "./base.js";

export function clearAnswer(content) {
  for (const list of content.querySelectorAll("#answer ol, #answer ul")) list.replaceChildren();
  for (const part of content.querySelectorAll("#answer [hidden], #dropped, .seen")) part.hidden = true;
  const progress = content.querySelector("#progress");
  progress.textContent = content.querySelector("#cost").textContent = "";
  progress.className = "soft small";
  content.querySelector(".statements").classList.remove("arriving");
  content.querySelector("#answer").hidden = false;
  content.querySelector("#before").hidden = true;
}

export function showAnswer(content, answer, nothing) {
  const [main, seen] = content.querySelectorAll(".statements");
  main.append(...answer.sentences.map(statement));
  seen.append(...answer.seen.map(statement));
  content.querySelector(".seen").hidden = !answer.seen.length;
  if (answer.unanswered || !(answer.sentences.length + answer.seen.length)) {
    content.querySelector("#progress").textContent = nothing || answer.why || "The evidence does not answer the question.";
    content.querySelector("#progress").className = "note";
  }
  content.querySelector(".evidence").append(...answer.citations.map((source) => evidence(source, answer)));
  content.querySelector("#dropped ul").append(...answer.dropped.map(dropped));
  content.querySelector("#dropped").hidden = !answer.dropped.length;
  content.querySelector("#cost").textContent = cost(answer);
  lightUp(content.querySelector("#answer"));
}

function statement(one) {
  const numbers = [...new Set(one.citations.map((note) => note.number))];
  const item = make("li", { tabindex: "0", dir: "auto", "data-numbers": numbers.join(" ") }, one.text);
  const cites = item.appendChild(make("span", { class: "cites" }));
  cites.append(...numbers.map((number) => make("a", { href: `#source-${number}`, "aria-label": `Source ${number}` }, String(number))));
  for (const note of one.notes) item.append(make("span", { class: "marks" }, note));
  return item;
}

function evidence(source, answer) {
  const quotes = [...answer.sentences, ...answer.seen].flatMap((one) => one.citations)
    .filter((note) => note.number === source.number && note.quote).map((note) => note.quote);
  const item = make("li", { id: `source-${source.number}`, tabindex: "-1", "data-number": source.number });
  const place = item.appendChild(make("p", { class: "place" }));
  place.append(make("span", { class: "number" }, String(source.number)));
  place.append(source.hit ? make("a", { href: `${base}hits/${source.hit}`, dir: "auto" }, source.place) : make("bdi", {}, source.place));
  if (source.image) {
    const plate = item.appendChild(make("div", { class: "plate" }));
    plate.append(make("img", { src: source.image, alt: source.caption || source.place, loading: "lazy" }));
  }
  if (source.caption) item.append(make("p", { class: "caption", dir: "auto" }, source.caption));
  for (const quote of new Set(quotes)) item.append(make("blockquote", { dir: "auto" }, `“${quote}”`));
  return item;
}

function dropped(one) {
  const item = make("li", { dir: "auto" });
  item.append(make("s", {}, one.text), make("p", { class: "reason" }, one.reason));
  return item;
}

function cost(answer) {
  const price = answer.price === null ? "price unknown" : answer.price ? `$${answer.price.toFixed(4)}` : "";
  return [answer.model, `${Object.keys(answer.evidence).length} pieces of evidence`, price].filter(Boolean).join(" · ");
}

// A sentence lights up its sources, and a source the sentences that rest on it.
function lightUp(answer) {
  const statements = [...answer.querySelectorAll("[data-numbers]")];
  const sources = [...answer.querySelectorAll("[data-number]")];
  const light = (numbers) => {
    for (const one of statements) one.classList.toggle("lit", one.dataset.numbers.split(" ").some((number) => numbers.includes(number)));
    for (const one of sources) one.classList.toggle("lit", numbers.includes(one.dataset.number));
  };
  for (const one of statements) on(one, () => light(one.dataset.numbers.split(" ")), () => light([]));
  for (const one of sources) on(one, () => light([one.dataset.number]), () => light([]));
}

function on(element, start, end) {
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, start);
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, end);
}

function make(name, attributes, text = "") {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.textContent = harmless(text);
  return element;
}

// Control characters become visible, and overrides of the reading direction are replaced, as in the templates.
function harmless(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f]/g, (one) => String.fromCharCode(0x2400 + one.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u202d\u202e]/g, "\ufffd");
}
