// A telephone's photos are larger than evidence may be: those over the limit are made smaller before they are sent. What
// cannot be made smaller stays as it is, and the server says so.
const SIDE = 2000; // pixels

async function smaller(file, bytes) {
  if (file.size <= bytes || !file.type.startsWith("image/")) return file;
  const image = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.85); });
  return blob && blob.size < file.size ? new File([blob], `${file.name}.jpg`, { type: blob.type }) : file;
}

for (const input of document.querySelectorAll("input[type=file][data-shrink]")) {
  input.addEventListener("change", async () => {
    const bytes = Number(input.dataset.shrink);
    const button = input.form.querySelector("button");
    button.disabled = true;
    try {
      const list = new DataTransfer();
      for (const file of await Promise.all([...input.files].map((f) => smaller(f, bytes)))) list.items.add(file);
      input.files = list.files;
    } catch {
      // An image that this browser cannot read is sent as it is.
    } finally {
      button.disabled = false;
    }
  });
}
