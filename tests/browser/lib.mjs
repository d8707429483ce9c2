// What the scenarios share: a real Chromium, pages that fail the run by any error of theirs, and the checks that hold for
// every page whatever it shows.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{portal: string, tools: string, shots: string, password: string}} Setting */

/** @type {Setting} */
export const setting = JSON.parse(process.env.NTB_PAGES ?? "null");
assert(setting, "NTB_PAGES tells where the portal is; tests/tests/pages.rs sets it");

const require = createRequire(join(setting.tools, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 800 };
export const WALL = { width: 1920, height: 1080 };

/** How long anything may take before it counts as not happening, in milliseconds. */
export const BOUND = 30_000;

/** Errors that pages reported; the run fails when one is left. */
export const errors = [];

let browser;

export async function start() {
  // A container's root has no user namespaces for Chromium's sandbox; it opens nothing but our own pages.
  const args = ["--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
}

export async function end() {
  await browser?.close();
}

/** A person with a browser of their own: nobody else's cookies. */
export async function person(viewport, more = {}) {
  const context = await browser.newContext({
    baseURL: setting.portal, viewport, locale: "id-ID", timezoneId: "Asia/Makassar",
    reducedMotion: "reduce", isMobile: viewport === PHONE, hasTouch: viewport === PHONE, ...more,
  });
  context.setDefaultTimeout(BOUND);
  const page = await context.newPage();
  watch(page);
  return page;
}

/** Answers of the server that a scenario provokes on purpose, as "status path". */
const expected = new Set();
export const expect = (status, path) => expected.add(`${status} ${path}`);

function watch(page) {
  page.on("pageerror", (error) => errors.push(`${page.url()}: ${error.message}`));
  page.on("response", (answer) => {
    const path = new URL(answer.url()).pathname;
    if (answer.status() >= 400 && !expected.has(`${answer.status()} ${path}`)) {
      errors.push(`${answer.status()} ${answer.request().method()} ${path}`);
    }
  });
  page.on("console", (message) => {
    // A refused resource is told above, with its path and status.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(`${page.url()}: ${message.text()}`);
    }
  });
}

export function step(text) {
  console.log(`ok: ${text}`);
}

/** Takes a picture for people: target/screenshots/<name>.png. */
export async function shot(page, name, fullPage = true) {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(setting.shots, `${name}.png`), fullPage });
}

/** What holds for every page: it has a name, one heading of the first rank, nothing hangs over its side, nothing serious by axe. */
export async function sound(page, name) {
  const found = await page.evaluate(() => ({
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    lang: document.documentElement.lang,
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    wide: [...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && e.checkVisibility())
      .slice(0, 3).map((e) => `${e.tagName}.${e.className}`),
  }));
  assert(found.title.endsWith("NTB Care"), `${name}: title ${found.title}`);
  assert.equal(found.headings, 1, `${name}: headings of the first rank`);
  assert(["id", "en"].includes(found.lang), `${name}: language ${found.lang}`);
  assert(found.over <= 0, `${name}: hangs over by ${found.over} px: ${found.wide}`);
  await labelled(page, name);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  const told = grave.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], `${name}: axe`);
}

/** Every control has a name that a screen reader says, and is large enough for a thumb. */
async function labelled(page, name) {
  const faults = await page.evaluate(() => {
    const bad = [];
    for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
      if (!field.labels?.length) bad.push(`${field.name} has no label`);
      const box = (field.type === "checkbox" ? field.labels[0] : field).getBoundingClientRect();
      if (field.checkVisibility() && box.height < 44) bad.push(`${field.name} is ${box.height} px high`);
    }
    for (const button of document.querySelectorAll("button, summary")) {
      if (!button.checkVisibility()) continue;
      if (!button.textContent.trim()) bad.push(`a button has no name: ${button.outerHTML.slice(0, 80)}`);
      if (button.getBoundingClientRect().height < 44) bad.push(`${button.textContent.trim()} is too small`);
    }
    return bad;
  });
  assert.deepEqual(faults, [], name);
}

/** Follows the Tab key from the top of the page; returns what is focused in turn, until it is `last` or leaves the page. */
export async function tabs(page, last, most = 80) {
  const seen = [];
  for (let n = 0; n < most; n += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return null;
      const style = getComputedStyle(e);
      const all = [...document.querySelectorAll("*")];
      return {
        name: e.name || e.id || e.textContent.trim(), order: all.indexOf(e),
        visible: e.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      };
    });
    if (!at) break;
    seen.push(at);
    if (at.name === last) break;
  }
  return seen;
}

/** Waits for a condition in the page, with a bound; says what did not come true. */
export async function until(page, what, condition, argument) {
  try {
    await page.waitForFunction(condition, argument, { timeout: BOUND });
  } catch (error) {
    await shot(page, "failed");
    throw new Error(`did not happen within ${BOUND} ms: ${what}\n${await page.locator("main").innerText()}`, { cause: error });
  }
}
