// Choosing rows of a list: one by one, all of the page, or all that match but those that were unticked.
export function choose() {
  const form = document.querySelector("form[data-choosing]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox][name]")];
  const all = form.querySelector("[data-all]");
  const bar = form.querySelector(".bulk");
  const number = form.querySelector("[data-matching]");
  const total = Number(number?.dataset.matching);
  if (number && total <= boxes.length) number.closest("label").remove(); // all of them are on this page
  const matching = form.querySelector("input[name=matching]");
  const written = new Intl.NumberFormat(document.documentElement.lang || "en");
  const kept = new Set(JSON.parse(sessionStorage.getItem(key()) ?? "[]"));
  for (const box of boxes) box.checked = box.checked || kept.has(box.value);

  function renew() {
    const chosen = boxes.filter((box) => box.checked).length;
    bar.hidden = chosen === 0 && !matching?.checked;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    for (const count of form.querySelectorAll("[data-chosen]")) count.textContent = String(chosen);
    if (number) number.textContent = written.format(total - (matching?.checked ? boxes.length - chosen : 0));
    const settled = matching?.checked || boxes.some((box) => box.checked && "settled" in box.dataset);
    for (const button of form.querySelectorAll("button[value=reopen]")) button.hidden = !settled;
    sessionStorage.setItem(key(), JSON.stringify(boxes.filter((box) => box.checked).map((box) => box.value)));
  }
  form.addEventListener("change", (event) => {
    if (event.target === all || (event.target === matching && matching.checked)) {
      for (const box of boxes) box.checked = event.target.checked;
    }
    renew();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || bar.hidden) return;
    for (const box of boxes) box.checked = false;
    if (matching) matching.checked = false;
    renew();
  });
  // with "all that match", what is unticked is the exception
  form.addEventListener("submit", () => {
    if (!matching?.checked) return;
    for (const box of boxes.filter((one) => !one.checked)) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "except", value: box.value }));
    }
  });
  renew();
}

const key = () => `chosen ${location.pathname}`;
