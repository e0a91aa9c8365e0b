// What the pages' scripts do; without them every page works too. Each module looks for its own elements.
import { followAll } from "./live.js";
import { choose } from "./choosing.js";
import { listen } from "./keys.js";

followAll();
choose();
listen();

// an open menu closes when something else is clicked, or by Escape
for (const menu of document.querySelectorAll("details.me")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); }
  });
}
