// Ask: sentences arrive one by one, then the checked answer. An answer costs money, so only the button asks. The answer
// is kept for this tab, so that Back and reload show it again without a new request.

import { readEvents } from "./events.js";
import { clearAnswer, showAnswer } from "./answer.js";
import { announce, filledIn, visit } from "./navigation.js";

let running = null;

export function startAsking(content) {
  running?.abort();
  const form = content.querySelector("form[data-asks]");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.dataset.ask === undefined) return; // filters are shown first
    event.preventDefault();
    if (form.elements.q.value.trim()) ask(filledIn(form));
  });
  const kept = keptAnswer();
  if (kept) show(content, kept);
}

async function ask(target) {
  if (target.href !== location.href) await visit(target, { focus: () => document.querySelector("#q") });
  running?.abort();
  const control = (running = new AbortController());
  const content = document.querySelector("main");
  clearAnswer(content);
  const progress = content.querySelector("#progress");
  progress.textContent = "Looking for evidence …";
  const sentences = content.querySelector(".statements");
  sentences.classList.add("arriving");
  const body = new FormData();
  for (const [name, value] of target.searchParams) body.append(name, value);
  try {
    const response = await fetch(target.pathname, {
      method: "POST",
      signal: control.signal,
      headers: { accept: "text/event-stream" },
      body,
    });
    if (!response.ok) throw new Error((await response.json()).detail);
    for await (const { event, data } of readEvents(response.body)) {
      if (event === "draft") {
        progress.textContent = "Answering; citations are checked when the answer is complete …";
        sentences.appendChild(document.createElement("li")).textContent = data.text;
      } else if (event === "answer") {
        keepAnswer(data);
        show(content, data);
        announce(`Answer complete: ${data.answer.sentences.length} sentences, ${data.answer.dropped.length} dropped.`);
      } else if (event === "problem") throw new Error(data.detail);
    }
  } catch (error) {
    if (error.name !== "AbortError") complain(content, error.message);
  } finally {
    if (progress.textContent.endsWith("…")) progress.textContent = "";
  }
}

function show(content, { answer, nothing }) {
  clearAnswer(content);
  showAnswer(content, answer, nothing);
}

// Sentences that were never checked are removed.
function complain(content, sentence) {
  clearAnswer(content);
  const progress = content.querySelector("#progress");
  progress.textContent = sentence;
  progress.className = "note bad";
}

function keepAnswer(answer) {
  try { sessionStorage.setItem(location.href, JSON.stringify(answer)); } catch { /* full or not allowed */ }
}

function keptAnswer() {
  try { return JSON.parse(sessionStorage.getItem(location.href)); } catch { return null; }
}
