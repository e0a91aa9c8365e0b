// Progress: an element with `data-live` is replaced by each fragment that its stream sends, and the page by its end.
const TOLD = [25, 50, 75, 100];

export function followAll() {
  for (const element of document.querySelectorAll("[data-live]")) follow(element);
}

function follow(element) {
  const source = new EventSource(element.dataset.live);
  let told = percent(element);
  const show = (event) => {
    element.innerHTML = JSON.parse(event.data);
    const now = percent(element);
    // a screen reader hears of quarters, not of every chunk
    if (TOLD.some((step) => told < step && step <= now)) tell(element.querySelector(".progress").textContent);
    told = now;
  };
  source.addEventListener("progress", show);
  source.addEventListener("ended", (event) => {
    source.close();
    show(event);
    renew();
  });
  addEventListener("pagehide", () => source.close());
}

const percent = (element) => Number(element.querySelector("[data-percent]")?.dataset.percent ?? 0);

function tell(text) {
  document.getElementById("told").textContent = text.replace(/\s+/g, " ").trim();
}

// The end changes what can be done: the page's content is taken anew, without moving the reader.
async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) { location.reload(); return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("content").replaceChildren(...page.getElementById("content").childNodes);
}
