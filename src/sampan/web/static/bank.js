// The bank app's three ways to read a code. Without this script the forms still work.
"use strict";

const form = document.querySelector("[data-picture]");
const input = form.querySelector("input[type=file]");
const drop = form.querySelector(".drop");

function send(files) {
  const picture = [...files].find((file) => file.type.startsWith("image/"));
  if (!picture) return;
  const transfer = new DataTransfer();
  transfer.items.add(picture);
  input.files = transfer.files;
  form.requestSubmit();
}

form.classList.add("auto");
input.addEventListener("change", () => input.files.length && form.requestSubmit());
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  send(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) send(event.clipboardData.files);
});

const camera = document.querySelector("[data-camera]");
const viewer = camera.querySelector("[data-viewer]");
const problem = camera.querySelector("[data-camera-problem]");
const button = camera.querySelector("[data-scan]");

async function offerCamera() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return;
  const formats = await BarcodeDetector.getSupportedFormats();
  camera.hidden = !formats.includes("qr_code");
}

async function look(detector, stream) {
  const [code] = await detector.detect(viewer).catch(() => []);
  if (!code) {
    setTimeout(() => look(detector, stream), 150);
    return;
  }
  for (const track of stream.getTracks()) track.stop();
  location.assign("/bank/pay?payload=" + encodeURIComponent(code.rawValue));
}

button.addEventListener("click", async () => {
  try {
    const wish = { video: { facingMode: "environment" } };
    viewer.srcObject = await navigator.mediaDevices.getUserMedia(wish);
    viewer.hidden = false;
    button.hidden = true;
    await viewer.play();
    look(new BarcodeDetector({ formats: ["qr_code"] }), viewer.srcObject);
  } catch {
    problem.hidden = false;
  }
});

offerCamera().catch(() => {});
