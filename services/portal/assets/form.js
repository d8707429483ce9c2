// Comfort for the form: the device's position, a draft that survives, and photos that are known to be too large before
// they are sent. The form is complete without any of it.
const form = document.querySelector("form[data-report]");
const DRAFT = "draft";
const KEPT = ["isi", "kategori", "kabupaten", "alamat"]; // never who somebody is: the phone may be shared

function store(action) {
  try { return action(window.localStorage); } catch { return null; } // private mode has none
}

/** A random UUID; `crypto.randomUUID` is there on https only. */
function drawn() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 15) | 64;
  b[8] = (b[8] & 63) | 128;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

if (form) {
  // draft
  const key = form.elements.kunci;
  const saved = store((s) => JSON.parse(s.getItem(DRAFT) ?? "null"));
  let sent = null; // which text was sent under which key, when no receipt has come yet
  if (saved && Date.now() - saved.at < 7 * 86400e3) {
    for (const name of KEPT) {
      const field = form.elements[name];
      if (field && !field.value && saved[name]) field.value = saved[name];
    }
    sent = saved.sent ?? null;
  }
  const keep = () => store((s) => {
    const draft = { at: Date.now(), sent };
    for (const name of KEPT) draft[name] = form.elements[name]?.value ?? "";
    s.setItem(DRAFT, JSON.stringify(draft));
  });
  form.addEventListener("input", keep);
  // The same text under the same key is one complaint with one receipt, however often it is sent; another text is another.
  form.addEventListener("submit", () => {
    const text = form.elements.isi.value;
    if (sent?.text === text) key.value = sent.key;
    else if (sent?.key === key.value) key.value = drawn();
    sent = { key: key.value, text };
    keep();
  });

  // position
  const ask = form.querySelector("[data-locate]");
  const told = form.querySelector("[data-located]");
  if (ask && "geolocation" in navigator) {
    ask.hidden = false;
    ask.addEventListener("click", () => {
      told.textContent = told.dataset.asking;
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          form.elements.lat.value = coords.latitude.toFixed(6);
          form.elements.lon.value = coords.longitude.toFixed(6);
          told.textContent = told.dataset.found.replace("{metres}", Math.round(coords.accuracy));
        },
        () => { told.textContent = told.dataset.refused; },
        { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
      );
    });
  }

  // photos
  const photos = form.elements.foto;
  const list = form.querySelector("[data-photos]");
  photos?.addEventListener("change", () => {
    const files = [...photos.files];
    const most = Number(photos.dataset.most);
    const bytes = Number(photos.dataset.bytes);
    const tooMany = files.length > most;
    const tooLarge = files.some((f) => f.size > bytes);
    photos.setCustomValidity(tooMany ? list.dataset.many : tooLarge ? list.dataset.large : "");
    photos.reportValidity();
    list.replaceChildren(...files.slice(0, most).map((file) => {
      const item = document.createElement("li");
      const image = document.createElement("img");
      image.alt = file.name;
      image.src = URL.createObjectURL(file);
      image.onload = () => URL.revokeObjectURL(image.src);
      item.append(image);
      return item;
    }));
  });

  // sent once; a page that comes back from the browser's memory can send again
  const button = form.querySelector("button[type=submit]");
  const label = button.textContent;
  form.addEventListener("submit", () => {
    button.textContent = button.dataset.sending;
    setTimeout(() => { button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = label;
  });
}

// The receipt: the draft has done its work; copy and share where the device can.
const receipt = document.querySelector("[data-receipt]");
if (receipt) {
  store((s) => s.removeItem(DRAFT));
  const text = receipt.dataset.receipt;
  const copy = receipt.querySelector("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      copy.textContent = copy.dataset.copied;
    });
  }
  const share = receipt.querySelector("[data-share]");
  if (share && navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => navigator.share({ text }).catch(() => {}));
  }
}
