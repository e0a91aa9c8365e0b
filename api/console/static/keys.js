// Single keys: / searches, j and k move along the rows, g o opens the overview, ? lists them. They can be switched off.
const OFF = "shortcuts-off";

export function listen() {
  const box = document.querySelector("[data-shortcuts]");
  if (box) {
    box.checked = localStorage.getItem(OFF) === null;
    box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  }
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(OFF) !== null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const act = ACTS[before + event.key] ?? ACTS[event.key];
    before = event.key === "g" ? "g" : "";
    if (act) { act(); event.preventDefault(); }
  });
}

const ACTS = {
  "/": () => document.getElementById("search")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
  j: () => step(1),
  k: () => step(-1),
  go: () => location.assign("/overview"),
};

function step(by) {
  const rows = [...document.querySelectorAll("tbody th a")];
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}
