// The team at its desk, by the keyboard; and the wall.
import assert from "node:assert/strict";
import { DESK, PHONE, WALL, person, setting, shot, sound, step, until } from "./lib.mjs";

/** Signs in by the keyboard. */
export async function signIn(role, viewport) {
  const page = await person(viewport);
  await page.goto("/petugas");
  await page.waitForURL("**/masuk*");
  await page.locator("#akun").focus();
  await page.keyboard.type(role);
  await page.keyboard.press("Tab");
  await page.keyboard.type(setting.password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname !== "/masuk" && url.pathname !== "/petugas");
  return page;
}

/** Sees what the citizen wrote, takes it, decides with one key, takes the decision back, decides again. */
export async function triages(text, citizen) {
  const page = await signIn("petugas", DESK);
  assert.equal(new URL(page.url()).pathname, "/petugas/kotak");
  await until(page, "the complaint is in the inbox by itself", (t) =>
    [...document.querySelectorAll(".queue .snippet")].some((s) => s.textContent.includes(t)), text);
  await sound(page, "inbox");
  await shot(page, "1280-kotak", false);

  // `j` walks down to it.
  const opened = () => page.locator(".open-pane .prose").innerText().catch(() => "");
  for (let n = 0; n < 60 && !(await opened()).includes(text); n += 1) {
    const was = page.url();
    await page.keyboard.press("j");
    await page.waitForURL((url) => url.href !== was);
  }
  assert((await opened()).includes(text), "`j` leads from one complaint to the next");
  await until(page, "the photos are shown", () =>
    [...document.querySelectorAll(".photos img")].filter((i) => i.complete && i.naturalWidth > 0).length === 2);
  const complaint = new URL(page.url()).searchParams.get("aduan");
  const suggestions = await page.locator(".suggestion").count();
  assert(suggestions >= 1 && suggestions <= 3, `${suggestions} suggestions`);
  assert(await page.locator(".suggestion small").last().innerText(), "each suggestion has its reason");

  const other = await signIn("petugas2", DESK);
  await other.goto(`/petugas/kotak?aduan=${complaint}`);
  await page.keyboard.press("a");
  await page.locator("[data-live=pegang]", { hasText: "Anda sedang mengerjakan ini" }).waitFor();
  await until(other, "who holds it shows at the other desk without a reload", () =>
    document.querySelector("[data-live=pegang]").textContent.includes("petugas sedang")
    || document.querySelector("[data-live=pegang]").textContent.includes("dikerjakan petugas"));
  await sound(page, "inbox with a complaint");
  await shot(page, "1280-aduan", false);

  const desk = await page.locator(".suggestion b").first().innerText();
  await page.keyboard.press("1");
  await page.locator(".toast", { hasText: desk }).waitFor();
  await shot(page, "1280-diteruskan", false);
  await until(citizen, "the citizen's page tells who has it now", (d) => document.querySelector("h1").textContent.includes(d), desk);
  assert(await citizen.evaluate(() => window.sameDocument), "without a reload");
  await citizen.locator(".clock").first().waitFor();
  await sound(citizen, "tracking, forwarded");
  await shot(citizen, "360-lacak-diteruskan");
  step("a decision by one key reaches the citizen's open page, which is not loaded again");

  await page.keyboard.press("u");
  await page.locator(".notice", { hasText: "diurungkan" }).waitFor();
  await until(citizen, "the citizen's page tells that the team has it again", () => document.querySelector("h1").textContent.includes("Tim NTB Care"));
  assert(await citizen.evaluate(() => window.sameDocument), "without a reload");
  step("a decision is taken back by `u`");

  await until(other, "it waits again", (id) => [...document.querySelectorAll(".queue a")].some((a) => a.href.includes(id)), complaint);
  await other.goto(`/petugas/kotak?aduan=${complaint}`);
  await page.goto(`/petugas/kotak?aduan=${complaint}`);
  await page.keyboard.press("o");
  assert.equal(await page.evaluate(() => document.activeElement.id), "opd", "`o` opens the list of agencies");
  await page.locator("#opd").selectOption("pupr-perkim");
  await page.locator("#kategori").selectOption("jalan-rusak");
  await page.keyboard.press("Tab");
  await page.locator(".open-pane details[open] button").press("Enter");
  await page.locator(".toast", { hasText: "Dinas Pekerjaan Umum" }).waitFor();
  await until(other, "it leaves the other desk's list by itself", (id) =>
    ![...document.querySelectorAll(".queue a")].some((a) => a.href.includes(id)), complaint);
  await other.context().close();
  step("what one decided leaves the list of another by itself");
  return page;
}

/** Rejecting needs a reason, and a key opens the form for it. */
export async function rejects(page, text) {
  await page.goto("/petugas/kotak");
  await page.locator(".queue a", { hasText: text }).click();
  await page.locator(".open-pane").waitFor();
  await page.keyboard.press("x");
  assert.equal(await page.evaluate(() => document.activeElement.id), "alasan", "`x` opens the reasons");
  await page.locator("#alasan").selectOption("incomplete");
  await page.locator(".open-pane #isi").fill("Mohon sebutkan tempatnya, lalu kirim lagi.");
  await shot(page, "1280-tolak", false);
  await page.locator(".open-pane #isi").press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(".notice", { hasText: "ditolak" }).waitFor();
  step("a rejection carries its reason");
}

/** What was seen elsewhere: link, text, screenshot; the same link a second time is the same complaint. */
export async function enters(page, text, screenshot) {
  const inbox = await signIn("petugas2", DESK);
  await page.goto("/petugas/catat");
  await sound(page, "entry");
  const fill = async (link) => {
    await page.locator("#tautan").fill(link);
    await page.locator("#isi").fill(text);
    await page.locator("#penulis").fill("warga.contoh");
    await page.locator("#kabupaten").selectOption("52.02");
    await page.locator("#foto").setInputFiles({ name: "layar.png", mimeType: "image/png", buffer: screenshot });
  };
  await page.locator("form[data-once] button.button").click();
  await page.locator("#salah").waitFor();
  await sound(page, "entry with faults");
  await fill("https://www.facebook.com/story.php?story_fbid=1234567890&id=100000000");
  await shot(page, "1280-catat");
  await page.locator("form[data-once] button.button").click();
  const ticket = await page.locator(".ticket").innerText();
  await sound(page, "entered");
  await shot(page, "1280-tercatat");
  await fill("https://m.facebook.com/story.php?story_fbid=1234567890&id=100000000&mibextid=abc");
  await page.locator("form[data-once] button.button").click();
  await page.locator(".notice h2", { hasText: "Sudah pernah" }).waitFor();
  assert.equal(await page.locator(".ticket").innerText(), ticket);
  await until(inbox, "what was entered comes to an open inbox by itself", (t) =>
    [...document.querySelectorAll(".queue .snippet")].some((s) => s.textContent.includes(t)), text);
  await inbox.context().close();
  step("what was seen elsewhere is entered once, with its screenshot, and comes to open inboxes");
}

/** The same pages under a thumb. */
export async function phone() {
  const page = await signIn("petugas", PHONE);
  await sound(page, "inbox on a phone");
  await shot(page, "360-kotak");
  await page.locator(".queue a").first().click();
  await page.locator(".open-pane").waitFor();
  await sound(page, "complaint on a phone");
  await shot(page, "360-aduan");
  await page.goto("/petugas/catat");
  await sound(page, "entry on a phone");
  await shot(page, "360-catat");
  await page.goto("/dinding");
  await sound(page, "wall on a phone");
  await shot(page, "360-dinding");
  await page.context().close();
  step("inbox, complaint, entry and wall fit a phone");
}

/** The wall: large, still, and current without a hand. */
export async function wall(planted, arrives) {
  const page = await signIn("dinding", WALL);
  assert.equal(new URL(page.url()).pathname, "/dinding");
  await page.evaluate(() => { window.sameDocument = true; });
  const found = await page.evaluate(() => ({
    down: document.documentElement.scrollHeight - innerHeight,
    small: [...document.querySelectorAll("main *")]
      .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
      .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 28).map((e) => e.textContent.trim().slice(0, 40)),
    figures: [...document.querySelectorAll(".figure b, .time")].map((e) => parseFloat(getComputedStyle(e).fontSize)),
    cut: [...document.querySelectorAll(".panel")].filter((e) => e.scrollHeight > e.clientHeight + 1).map((e) => e.innerText.slice(0, 60)),
  }));
  assert(found.down <= 0, `the wall scrolls by ${found.down} px`);
  assert.deepEqual(found.small, [], "text under 28 px");
  assert(found.figures.length >= 4 && found.figures.every((px) => px >= 96), `figures of ${found.figures} px`);
  assert.deepEqual(found.cut, [], "panels that hide some of their content");
  const before = Number(await page.locator(".figure b").first().innerText());
  assert(before > 0, "the figures count what came in");
  await arrives();
  await until(page, "a new complaint counts on the wall by itself", (n) =>
    Number(document.querySelector(".figure b").textContent) === n + 1, before);
  assert(await page.evaluate(() => window.sameDocument), "without a reload");
  const shown = await page.locator("body").innerText();
  for (const text of planted) assert(!shown.includes(text), `the wall shows ${text}`);
  await sound(page, "wall");
  await shot(page, "1920-dinding", false);
  await page.goto("/petugas/kotak");
  assert.equal(await page.locator(".queue").count(), 0, "the wall's account opens nothing with content");
  await page.context().close();
  step("the wall is current by itself, large enough, and shows nothing that was written");
}
