// An image that is pasted, dropped or chosen becomes part of the query.

import { announce, filledIn, visit } from "./navigation.js";

export function startImages() {
  document.addEventListener("paste", (event) => take(event.clipboardData?.files, event));
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[type=file]")) return;
    take([...event.target.files], event);
    event.target.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("dragover", (event) => {
    if (!form() || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form().classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form()?.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    form()?.classList.remove("dropping");
    take(event.dataTransfer?.files, event);
  });
}

const form = () => document.querySelector("form.search[data-images]");

async function take(files, event) {
  if (!files?.length || !form()) return;
  event.preventDefault(); // also for other files: the browser would leave the page to show a file that is dropped
  const image = chooseImage([...files]);
  if (!image) {
    complain(`${files[0].name} is not an image; choose a PNG, JPEG or WebP file.`);
    return;
  }
  announce("Uploading the image");
  document.body.classList.add("busy");
  const body = new FormData();
  body.append("file", image);
  try {
    const response = await fetch(form().dataset.images, { method: "POST", body, headers: { accept: "application/json" } });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.detail);
    const target = filledIn(form(), ["image", "like"]);
    target.searchParams.set("image", reply.image);
    await visit(target);
  } catch (error) {
    complain(error.message);
  } finally {
    document.body.classList.remove("busy");
  }
}

// Browsers know no type of some images, such as .heic files; the server finds out what they are.
function chooseImage(files) {
  return files.find((file) => file.type.startsWith("image/")) ?? files.find((file) => !file.type);
}

function complain(sentence) {
  const note = document.createElement("p");
  note.className = "note bad";
  note.setAttribute("role", "alert");
  note.textContent = sentence;
  document.querySelector("main > .note")?.remove();
  form().after(note);
}
