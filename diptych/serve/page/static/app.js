// The page works without this. With it, links and forms replace the content without a new page, keys move between
// hits, and images can be pasted and dropped.

import { startImages } from "./images.js";
import { startKeys } from "./keys.js";
import { startLeaf } from "./leaf.js";
import { startAsking } from "./ask.js";
import { startHinge } from "./hinge.js";
import { startNavigation } from "./navigation.js";
import { startTheme } from "./theme-button.js";

function startContent(content) {
  startHinge(content);
  startLeaf(content);
  startAsking(content);
}

startTheme();
startKeys();
startImages();
startNavigation(startContent);
startContent(document.querySelector("main"));
