// The pages in a real browser, against the running system; started by tests/tests/pages.rs.
import assert from "node:assert/strict";
import * as citizen from "./citizen.mjs";
import * as agency from "./agency.mjs";
import * as staff from "./staff.mjs";
import { end, errors, expect, start } from "./lib.mjs";

const ROAD = "Jalan di depan pasar berlubang besar, dua motor jatuh tadi malam, mohon ditambal sebelum ada korban lagi.";
const LAMP = "Lampu penerangan di simpang empat mati sejak Senin, gelap sekali kalau malam.";
const LOST = "Saluran air tersumbat sampah dan meluap ke rumah warga setiap hujan.";
const PLAIN = "Antrean di puskesmas sejak subuh, loketnya hanya satu.";
const SEEN = "Min, sampah di pinggir jalan Praya sudah seminggu tidak diangkut, baunya sampai ke sekolah.";
const NEW = "Pohon besar miring ke arah rumah warga di dekat lapangan.";

expect(422, "/lapor"); // a form with a fault
expect(422, "/petugas/catat");
expect(403, "/petugas/kotak"); // the wall's account there

try {
  await start();
  const { page: open, ticket } = await citizen.reports(ROAD);
  await citizen.reportsByKeyboard(LAMP);
  const twice = await citizen.reportsTwice(LOST);
  await citizen.reportsWithoutScript(PLAIN);
  await citizen.switches();
  const desk = await staff.triages(ROAD, open);
  await agency.follows(ROAD, ticket, open);
  await staff.rejects(desk, PLAIN);
  await staff.enters(desk, SEEN, await open.screenshot());
  await staff.phone();
  await staff.wall([ROAD, LAMP, SEEN, "Baiq", ticket], () => citizen.reportsWithoutScript(NEW));
  assert.deepEqual(errors, [], "errors that the pages reported");
  console.log(`result: ${JSON.stringify({ ticket, twice: twice.ticket })}`);
} finally {
  await end();
}
