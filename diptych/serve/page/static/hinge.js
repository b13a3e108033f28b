// The hinge between the two panels: hits are stacked in their own column, and numbers on the spine show the fused order.
// Without this script hits are floats, none higher than a better one, and each has its number beside it.

const GAP = 28; // between hits, and at least between numbers, in pixels
const RISE = 220; // how much higher than a better hit on the other side a hit may be
const MIDDLE = 12; // of a number, from the top of its hit
const SVG = "http://www.w3.org/2000/svg";

export function startHinge(content) {
  const list = content.querySelector(".hits");
  if (!list) return;
  list.querySelector(".links-of-hinge")?.remove();
  const svg = list.appendChild(document.createElementNS(SVG, "svg"));
  svg.classList.add("links-of-hinge");
  svg.setAttribute("aria-hidden", "true");
  const hits = [...list.querySelectorAll(":scope > .hit")];
  const paths = hits.map((hit) => {
    const path = svg.appendChild(document.createElementNS(SVG, "path"));
    path.classList.add(hit.classList.contains("picture") ? "of-picture" : "of-passage");
    for (const [type, lit] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])
      hit.addEventListener(type, () => path.classList.toggle("lit", lit));
    return path;
  });
  const wide = matchMedia("(min-width: 46.01rem)");
  const arrange = () => (wide.matches ? layOut(list, hits, paths, svg) : undo(list, hits));
  const observer = new ResizeObserver(() => requestAnimationFrame(() => list.isConnected ? arrange() : observer.disconnect()));
  observer.observe(list.parentElement);
  for (const hit of hits) observer.observe(hit.querySelector(".card"));
  arrange();
}

function layOut(list, hits, paths, svg) {
  list.classList.add("laid");
  const heights = hits.map((hit) => hit.querySelector(".card").offsetHeight);
  const start = parseFloat(getComputedStyle(list).paddingTop);
  const bottoms = { passage: start, picture: start };
  let lowest = start;
  const tops = hits.map((hit, index) => {
    const side = hit.classList.contains("picture") ? "picture" : "passage";
    const top = Math.max(bottoms[side], lowest - RISE);
    bottoms[side] = top + heights[index] + GAP;
    lowest = Math.max(lowest, top);
    return top;
  });
  const numbers = inOrder(tops.map((top) => top + MIDDLE));
  const width = list.clientWidth;
  const hinge = width - hits[0].offsetWidth * 2;
  hits.forEach((hit, index) => {
    hit.style.top = `${tops[index]}px`;
    hit.querySelector(".tick").style.top = `${numbers[index] - tops[index] - MIDDLE}px`;
    const sign = hit.classList.contains("picture") ? 1 : -1;
    const from = width / 2 + (sign * hinge) / 2 - sign * 6, to = width / 2 + sign * 15;
    const y = tops[index] + MIDDLE, bend = (from + to) / 2;
    paths[index].setAttribute("d", `M${from} ${y}C${bend} ${y} ${bend} ${numbers[index]} ${to} ${numbers[index]}`);
  });
  const height = Math.max(bottoms.passage, bottoms.picture, numbers.at(-1) + GAP);
  list.style.height = `${height}px`;
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
}

// The positions next to those wished for that increase by at least GAP (isotonic regression, by pooling neighbours).
function inOrder(wished) {
  const pools = [];
  wished.forEach((wish, index) => {
    pools.push({ sum: wish - index * GAP, count: 1 });
    while (pools.length > 1 && mean(pools.at(-2)) > mean(pools.at(-1))) {
      const last = pools.pop();
      pools.at(-1).sum += last.sum;
      pools.at(-1).count += last.count;
    }
  });
  const first = wished[0];
  return pools.flatMap((pool) => Array(pool.count).fill(mean(pool))).map((place, index) => Math.max(place, first) + index * GAP);
}

const mean = (pool) => pool.sum / pool.count;

function undo(list, hits) {
  list.classList.remove("laid");
  list.style.height = "";
  for (const hit of hits) hit.style.top = hit.querySelector(".tick").style.top = "";
}
