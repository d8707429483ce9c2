// Keeps the marked parts of a page current: after a change on the server the same page is fetched again and every
// element with data-live is replaced by its new self. Without this file the page is complete, only not live.
const source = document.querySelector("[data-stream]");
let waiting = false;
let again = false;

/** What the server sent for an element: without what its reader has opened since. */
function asSent(element) {
  const copy = element.cloneNode(true);
  for (const details of copy.querySelectorAll("details[open]")) details.removeAttribute("open");
  return copy.innerHTML;
}

async function refresh() {
  if (waiting) { again = true; return; }
  waiting = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected || !answer.ok) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
      if (!next || next.innerHTML === asSent(old)) continue;
      // Nobody's words are taken away while they write; the next signal tries again.
      if (old.querySelector("textarea:focus, input:focus, select:focus")) continue;
      const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      old.replaceChildren(...next.childNodes);
      if (focus) old.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus();
    }
    seen();
  } catch {
    // Offline: the stream connects again by itself and refreshes then.
  } finally {
    waiting = false;
    if (again) { again = false; setTimeout(refresh, 1000); }
  }
}

// When the data were last known to be right: after a refresh, and while the stream is silent but alive.
let last = Date.now();
function seen(text) {
  last = Date.now();
  const mark = document.querySelector("[data-as-of]");
  if (mark && text) mark.textContent = mark.dataset.asOf.replace("{time}", text);
}
setInterval(() => {
  const mark = document.querySelector("[data-as-of]");
  if (!mark) return;
  const age = (Date.now() - last) / 1000;
  mark.dataset.age = age > 120 ? "stale" : age > 30 ? "old" : "new";
}, 1000);

if (source) {
  const stream = new EventSource(source.dataset.stream);
  stream.addEventListener("change", refresh);
  stream.addEventListener("beat", (event) => seen(event.data));
  // What changed between the page and its stream, or while the stream was broken, no signal tells.
  stream.addEventListener("open", refresh);
  stream.addEventListener("error", () => {
    // A refused stream (signed out, server replaced) is closed for good: the page itself says what is the matter.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 15000);
  });
  // A page that slept (a phone in a pocket) catches up when it is looked at.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}
