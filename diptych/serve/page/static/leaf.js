// On the page of a document: a box lights up together with its part in the list.

export function startLeaf(content) {
  const leaf = content.querySelector(".leaf");
  if (!leaf) return;
  const pairs = [...content.querySelectorAll("[data-part]")];
  for (const type of ["pointerover", "focusin"]) content.addEventListener(type, (event) => light(event.target));
  content.addEventListener("pointerleave", () => light(null));
  function light(target) {
    const part = target?.closest?.("[data-part]")?.dataset.part;
    for (const one of pairs) one.classList.toggle("lit", one.dataset.part === part);
  }
}
