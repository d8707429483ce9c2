// The wall has no hands: it counts its own clocks down, shows the time, and drifts a few pixels against burn-in.
const offset = Number(document.body.dataset.now) - Date.now(); // the server's clock, not the screen's
const WITA = 8 * 3600e3;
const room = window.matchMedia("(min-width: 1001px)"); // narrower, it is a page that somebody holds
const two = (n) => String(n).padStart(2, "0");

function tick() {
  const now = Date.now() + offset;
  const wita = new Date(now + WITA);
  const time = document.querySelector("[data-clock]");
  if (time) time.textContent = `${two(wita.getUTCHours())}:${two(wita.getUTCMinutes())}`;
  for (const left of document.querySelectorAll("[data-due]")) {
    const seconds = Math.max(0, Math.floor((Number(left.dataset.due) - now) / 1000));
    const days = Math.floor(seconds / 86400);
    const rest = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    left.textContent = days > 0 ? `${days} ${left.dataset.day} ${rest}` : rest;
  }
  const minute = wita.getUTCMinutes();
  if (!room.matches) return;
  const { style } = document.querySelector(".wall");
  style.setProperty("--dx", `${(minute % 5) - 2}px`);
  style.setProperty("--dy", `${(Math.floor(minute / 5) % 5) - 2}px`);
}
setInterval(tick, 1000);
tick();
