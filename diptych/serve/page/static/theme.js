// Runs before the first paint: the theme that was chosen here, or else that of the system.
const chosen = (() => { try { return localStorage.getItem("theme") } catch { return null } })();
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
