// An agency that works in pages: from the list to an answer with evidence, approved by a second person, and confirmed.
import assert from "node:assert/strict";
import { DESK, PHONE, expect, shot, sound, step, until } from "./lib.mjs";
import { signIn } from "./staff.mjs";

/** A picture that no format makes small. */
async function noise(page) {
  const url = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1400, height: 1000 });
    const c = canvas.getContext("2d");
    const pixels = c.createImageData(1400, 1000);
    for (let n = 0; n < pixels.data.length; n += 65_536) crypto.getRandomValues(pixels.data.subarray(n, n + 65_536));
    c.putImageData(pixels, 0, 0);
    return canvas.toDataURL("image/png");
  });
  return Buffer.from(url.split(",")[1], "base64");
}

/** One complaint at its desk, while its reporter looks on. */
export async function follows(text, ticket, citizen) {
  const page = await signIn("dinas", DESK);
  assert.equal(new URL(page.url()).pathname, "/instansi");
  await until(page, "the complaint is in the agency's list by itself", (t) =>
    document.querySelector(".queue")?.textContent.includes(t), ticket);
  await sound(page, "work of the agency");
  await shot(page, "1280-tugas");
  await page.locator(".queue a", { hasText: ticket }).click();
  await page.locator(".prose", { hasText: text }).waitFor();
  await until(page, "the photos are shown", () =>
    [...document.querySelectorAll(".photos img")].filter((i) => i.complete && i.naturalWidth > 0).length === 2);
  const shown = await page.locator("main").innerText();
  assert(!shown.includes("Baiq") && !shown.includes("0812"), "whoever is anonim is not shown to the agency");
  await sound(page, "assignment");
  await shot(page, "1280-tugas-baru");

  const at = new URL(page.url()).pathname;
  const other = await signIn("dinkes", DESK);
  expect(404, at);
  await other.goto(at);
  assert(!(await other.locator("main").innerText()).includes(text), "another agency does not have it");
  await other.context().close();

  await page.getByRole("button", { name: "Terima" }).click();
  await page.locator(".notice", { hasText: "diterima" }).waitFor();
  await page.locator("summary", { hasText: "Catat kemajuan" }).click();
  await page.locator("#maju-isi").fill("Tim sudah mengukur lubang; penambalan dijadwalkan.");
  await page.locator("#maju-tanggal").fill(new Date(Date.now() + 5 * 86400e3).toISOString().slice(0, 10));
  await page.getByRole("button", { name: "Catat", exact: true }).click();
  await page.locator(".notice", { hasText: "Kemajuan tercatat" }).waitFor();
  await until(citizen, "the reporter reads it on the open page", () => document.querySelector(".talk")?.textContent.includes("mengukur lubang"));

  await page.locator("#jawab-isi").fill("Lubang sudah ditambal.");
  await page.getByRole("button", { name: "Kirim untuk disetujui" }).click();
  await page.locator(".notice", { hasText: "Lampirkan bukti" }).waitFor();
  await page.locator("#jawab-isi").fill("Lubang di depan pasar sudah ditambal hari ini.");
  const large = await noise(page);
  assert(large.length > 3 * 1024 * 1024, "as large as a telephone's photo");
  await page.locator("#foto").setInputFiles({ name: "bukti.png", mimeType: "image/png", buffer: large });
  await until(page, "it is made small enough", () => {
    const [file] = document.querySelector("#foto").files;
    return file.size <= 3 * 1024 * 1024 && file.type === "image/jpeg";
  });
  await shot(page, "1280-tugas-jawab");
  await page.getByRole("button", { name: "Kirim untuk disetujui" }).click();
  await page.locator(".notice", { hasText: "menunggu persetujuan" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Setujui dan kirim" }).count(), 0, "whoever answered cannot approve");
  await sound(page, "assignment, answered");
  await page.context().close();

  const second = await signIn("dinas2", PHONE);
  await sound(second, "work of the agency on a phone");
  await shot(second, "360-tugas");
  await second.locator(".queue a", { hasText: ticket }).click();
  const evidence = await second.locator("a", { hasText: "Bukti 1" }).getAttribute("href");
  const answer = await second.request.get(evidence);
  assert.equal(answer.status(), 200);
  assert.equal(answer.headers()["content-type"], "image/jpeg");
  await sound(second, "assignment on a phone");
  await shot(second, "360-tugas-setujui");
  await second.getByRole("button", { name: "Setujui" }).click();
  await second.locator(".notice", { hasText: "Disetujui" }).waitFor();
  await second.context().close();

  await until(citizen, "the reporter is asked on the open page", () => document.querySelector("[data-live=jawaban] form"));
  assert(await citizen.evaluate(() => window.sameDocument), "without a reload");
  await sound(citizen, "tracking, answered");
  await shot(citizen, "360-lacak-dijawab");
  await citizen.getByRole("button", { name: "Ya, sudah selesai" }).click();
  await citizen.locator(".chip.selesai").first().waitFor();
  await sound(citizen, "tracking, solved");
  await shot(citizen, "360-lacak-selesai");
  step("an agency takes, notes, answers with evidence; a second person approves; the reporter confirms");
}
