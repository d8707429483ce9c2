// A citizen on a phone, one at a keyboard, one whose connection breaks.
import assert from "node:assert/strict";
import { DESK, PHONE, person, shot, sound, step, tabs, until } from "./lib.mjs";

const PLACE = { latitude: -8.5833, longitude: 116.1167, accuracy: 12 };

/** A photograph: made by the browser, so that no file needs to be kept. */
async function picture(page, hue) {
  const url = await page.evaluate((h) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1200, height: 900 });
    const c = canvas.getContext("2d");
    const sky = c.createLinearGradient(0, 0, 0, 900);
    sky.addColorStop(0, `hsl(${h} 45% 75%)`);
    sky.addColorStop(1, `hsl(${h} 20% 35%)`);
    c.fillStyle = sky;
    c.fillRect(0, 0, 1200, 900);
    c.fillStyle = "#2a2a2a";
    c.beginPath();
    c.ellipse(600, 640, 260, 90, 0, 0, 7);
    c.fill();
    return canvas.toDataURL("image/jpeg", 0.9);
  }, hue);
  return { name: `foto-${hue}.jpg`, mimeType: "image/jpeg", buffer: Buffer.from(url.split(",")[1], "base64") };
}

/** What the receipt shows. */
async function receipt(page) {
  await page.waitForURL("**/lapor/diterima*");
  const [ticket, secret] = [await page.locator(".ticket").innerText(), await page.locator(".secret").innerText()];
  assert.match(ticket, /^NTB-/);
  assert.match(secret.replaceAll(/[^A-Za-z0-9]/g, ""), /^[A-Za-z0-9]{16,}$/, "a secret of at least 80 bits");
  return { ticket, secret };
}

/** The form on a phone, with two photos and the device's position; ends on the tracking page, opened by number and secret. */
export async function reports(text) {
  const page = await person(PHONE, { geolocation: PLACE, permissions: ["geolocation"] });
  await page.goto("/");
  await sound(page, "front page");
  await shot(page, "360-depan");
  await page.locator("main a[href='/lapor']").click();
  await sound(page, "form");

  await page.locator("form[data-report] button[type=submit]").click();
  await page.locator("#salah").waitFor();
  await sound(page, "form with a fault");
  assert.equal(await page.locator("#isi").getAttribute("aria-invalid"), "true");
  await page.locator("#salah a").click();
  assert.equal(await page.evaluate(() => document.activeElement.id), "isi", "the summary leads to the field");

  await page.locator("#isi").fill(text);
  await page.locator("#kabupaten").selectOption("52.71");
  await page.locator("#alamat").fill("Depan Pasar Mandalika, Bertais");
  await page.locator("[data-locate]").click();
  await until(page, "the device's position is taken", () => document.querySelector("[name=lat]").value.startsWith("-8.58"));
  await page.locator("#nama").fill("Baiq Contoh");
  await page.locator("#telepon").fill("0812 0000 0001");
  await page.getByLabel("anonim", { exact: false }).first().check();
  await page.locator("#foto").setInputFiles([await picture(page, 210), await picture(page, 30)]);
  await until(page, "both photos are shown", () => document.querySelectorAll("[data-photos] img").length === 2);
  await sound(page, "filled form");
  await shot(page, "360-formulir");
  await page.locator("form[data-report] button[type=submit]").click();

  const { ticket, secret } = await receipt(page);
  await sound(page, "receipt");
  await shot(page, "360-tanda-terima");
  step("a citizen reports with photos and a position, and is told number and secret");

  // Another device: only the number and the secret.
  await page.context().clearCookies();
  await page.goto("/lacak");
  await sound(page, "tracking, asked");
  await page.locator("#nomor").fill(ticket.toLowerCase());
  await page.locator("#kunci").fill(secret);
  await page.locator("main button").click();
  await page.waitForURL(`**/aduan/${ticket}`);
  await page.locator(".prose", { hasText: text }).waitFor();
  await until(page, "the photos are shown", () => {
    const images = [...document.querySelectorAll(".photos img")];
    return images.length === 2 && images.every((i) => i.complete && i.naturalWidth > 0);
  });
  await sound(page, "tracking");
  await shot(page, "360-lacak");

  const stranger = await person(PHONE);
  await stranger.goto(`/aduan/${ticket}`);
  const seen = await stranger.locator("main").innerText();
  assert(!seen.includes(text) && !seen.includes("Baiq"), "without the secret nothing that was written is shown");
  await sound(stranger, "tracking without the secret");
  await shot(stranger, "360-lacak-publik");
  await stranger.context().close();
  step("number and secret open the complaint, the number alone shows nothing of it");
  await page.evaluate(() => { window.sameDocument = true; });
  return { page, ticket };
}

/** From the top of the page to the receipt, without a pointer. */
export async function reportsByKeyboard(text) {
  const page = await person(DESK);
  await page.goto("/lapor");
  await page.keyboard.press("Tab");
  assert.match(await page.evaluate(() => document.activeElement.className), /skip/, "first comes the way past the menu");
  await page.keyboard.press("Enter");
  const stops = await tabs(page, "isi");
  assert.equal(stops.at(-1)?.name, "isi", `the skip link leads to the form, not ${JSON.stringify(stops)}`);
  await page.keyboard.type(text);
  const rest = await tabs(page, "Kirim aduan");
  assert.equal(rest.at(-1)?.name, "Kirim aduan", "the last stop sends");
  for (const [before, after] of [...stops, ...rest].map((s, i, all) => [all[i - 1], s]).slice(1)) {
    assert(after.order > before.order, `${after.name} comes after ${before.name} on the page and by the Tab key`);
  }
  assert.deepEqual([...stops, ...rest].filter((s) => !s.visible), [], "what has the focus shows it");
  await shot(page, "1280-formulir");
  await page.keyboard.press("Enter");
  await receipt(page);
  await shot(page, "1280-tanda-terima");
  await page.context().close();
  step("the form is sent by the keyboard alone, in the order of the page, with a visible focus");
}

/** The answer to Submit is lost; the same person sends again and gets the receipt of the one complaint. */
export async function reportsTwice(text) {
  const page = await person(PHONE);
  await page.goto("/lapor");
  await page.locator("#isi").fill(text);
  let accepted = "";
  await page.route("**/lapor", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const answer = await route.fetch({ maxRedirects: 0 });
    accepted = answer.headers().location;
    return route.abort("connectionreset");
  });
  await page.locator("form[data-report] button[type=submit]").click();
  await until(page, "the browser shows its own error page", () => document.querySelector("form") === null).catch(() => {});
  assert.match(accepted, /^\/lapor\/diterima/, "the server had accepted it");
  await page.unroute("**/lapor");
  await page.context().clearCookies(); // the lost answer carried them
  await page.goto("/lapor");
  await until(page, "the draft is back", (t) => document.querySelector("#isi").value === t, text);
  await page.locator("form[data-report] button[type=submit]").click();
  const first = await receipt(page);
  await page.goto("/lacak");
  await page.locator("#nomor").fill(first.ticket);
  await page.locator("#kunci").fill(first.secret);
  await page.locator("main button").click();
  await page.locator(".prose", { hasText: text }).waitFor();
  await page.goto("/lapor");
  assert.equal(await page.locator("#isi").inputValue(), "", "after the receipt the draft is gone");
  await page.context().close();
  step("a receipt lost on its way comes again, with the secret, for the one complaint");
  return first;
}

/** No script runs: the form is complete all the same. */
export async function reportsWithoutScript(text) {
  const page = await person(PHONE, { javaScriptEnabled: false });
  await page.goto("/lapor");
  await page.locator("#isi").fill(text);
  await page.locator("form button[type=submit]").click();
  const { ticket } = await receipt(page);
  await page.locator(`a[href="/aduan/${ticket}"]`).click();
  await page.locator(".prose", { hasText: text }).waitFor();
  await page.context().close();
  step("form, receipt and tracking work without a script");
}

/** The switches of language and colours, which come back to the same page. */
export async function switches() {
  const page = await person(PHONE);
  await page.goto("/lapor");
  assert.equal(await page.locator("html").getAttribute("lang"), "id");
  const before = await page.locator("h1").innerText();
  await page.locator("button[name=bahasa]").click();
  await page.waitForURL("**/lapor");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.notEqual(await page.locator("h1").innerText(), before);
  await sound(page, "form in English");
  await shot(page, "360-form-english");
  await page.locator("button[name=tema]").click();
  await page.waitForURL("**/lapor");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await sound(page, "form, dark");
  await shot(page, "360-form-dark");
  await page.locator("button[name=bahasa]").click();
  await page.waitForURL("**/lapor");
  assert.equal(await page.locator("h1").innerText(), before);
  await page.context().close();
  step("language and colours are switched on the page itself");
}

