// An order's page follows the order: events from the server, asking again where they do not come.
// Where the platform's library is there, it opens the payment page in a window over this one.
"use strict";

const POLL_MS = 2000;
const box = () => document.querySelector("[data-order]");
let source = null;
let polling = false;
let updating = false;
let wanted = "";
let windowFails = false;

async function update(stage) {
  wanted = stage;
  if (updating || stage === box().dataset.stage) return;
  updating = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = box().querySelector(".wire").open;
    document.title = page.title;
    box().replaceWith(page.querySelector("[data-order]"));
    box().querySelector(".wire").open = open;
    // The heading says the news, also to who cannot see it.
    box().querySelector("h1").focus();
    start();
  } finally {
    updating = false;
  }
  // News that came meanwhile.
  if (wanted !== stage) update(wanted);
}

async function look() {
  const answer = await fetch(box().dataset.order + "/state", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) await update((await answer.json()).stage);
}

function follow() {
  if ("final" in box().dataset) {
    source?.close();
    return;
  }
  if (source || polling) return;
  if (!window.EventSource) {
    poll();
    return;
  }
  source = new EventSource(box().dataset.order + "/events");
  source.onmessage = (event) => update(event.data);
  source.onerror = () => {
    // The browser comes back by itself after a clean end; a closed source never does.
    if (source.readyState === EventSource.CLOSED) poll();
  };
}

async function poll() {
  polling = true;
  while (!("final" in box().dataset)) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function countDown() {
  const left = document.querySelector("[data-left]");
  if (!left) return;
  const ends = performance.now() + Number(left.dataset.left) * 1000;
  const timer = setInterval(() => {
    const seconds = Math.max(Math.ceil((ends - performance.now()) / 1000), 0);
    left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    left.classList.toggle("soon", seconds < 60);
    if (!left.isConnected || seconds === 0) clearInterval(timer);
    // A second later, so that the server agrees that the time is over.
    if (left.isConnected && seconds === 0) setTimeout(() => update("expired"), 1000);
  }, 250);
}

// What the window tells is no proof of a payment: the shop is asked what its callbacks say.
async function windowClosed() {
  await look();
  // The focus may still be in the window, or the button that opened it gone with its stage.
  if (!box().contains(document.activeElement)) box().querySelector("h1").focus();
}

function windowFailed() {
  windowFails = true;
  const notice = box().querySelector("[data-unopened]");
  if (notice) notice.hidden = false;
}

function openWindow() {
  EPayWidget.run({
    ...JSON.parse(box().querySelector("[data-window]").dataset.window),
    onPaymentSuccess: look,
    onPaymentFail: look,
    onExit: windowClosed,
    onDestroy: windowClosed,
    onFailLoading: windowFailed,
  });
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-window]") || !window.EPayWidget || windowFails) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openWindow();
});

function start() {
  countDown();
  follow();
}

start();

// The check-out leads here with this mark; a reload opens nothing.
if (location.hash === "#open") {
  history.replaceState(history.state, "", location.pathname + location.search);
  if (window.EPayWidget && box().querySelector("[data-window]")) openWindow();
}
