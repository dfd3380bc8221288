// The page follows its payment and tells the shop's page around it what happens.
const framed = parent !== self;
const query = document.body.dataset.query;
const said = document.getElementById("said");
const screen = () => document.getElementById("screen");
const ended = () => "ended" in screen().dataset;
const address = (path, more = "") =>
  screen().dataset.path + path + query + (more ? (query ? "&" : "?") + more : "");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => { said.textContent = ""; requestAnimationFrame(() => { said.textContent = text; }); };

// --- what the page around is told -------------------------------------------------------------
const METHOD = { name: "Hong Kong FPS QR", payment_method_type: "1", payment_method_code: "hk-qr" };
let guid = null;
let around = "*";
let told = [];
const once = new Set();

function tell(name, data = {}) {
  if (!framed) return;
  const message = { message: "epframe." + name, data };
  if (guid === null) told.push(message);
  else parent.postMessage(JSON.stringify({ ...message, guid }), around);
}

function tellOnce(name, data, key = name) {
  if (once.has(key)) return;
  once.add(key);
  tell(name, data);
}

const size = () => ({
  width: document.documentElement.scrollWidth,
  height: Math.ceil(document.body.getBoundingClientRect().height),
});

function linked(got, origin) {
  guid = got.guid;
  around = origin === "null" ? "*" : origin;
  const fault = screen().dataset.fault;
  if (fault) tell("fail_loading", { message: fault });
  else tell("loaded", size());
  const waiting = told;
  told = [];
  for (const { message, data } of waiting) tell(message.slice(8), data);
}

function heard(event) {
  if (event.source !== parent || !framed) return;
  let got;
  try {
    got = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
  } catch {
    return;
  }
  const form = document.querySelector("form[data-send=start]");
  const press = form?.querySelector("button");
  switch (got?.message) {
    case "link": return linked(got, event.origin);
    case "resize": return tell("resize", size());
    case "epframe.external_widget_form_submission":
    case "epframe.embedded_mode.submit": return form?.requestSubmit();
    // The shop's own check comes first; its library answers for a shop that has none.
    case "epframe.embedded_mode.try_submit": return tell("embedded_mode.check_submit");
    case "epframe.embedded_mode.check_submit.result":
      if (got.data?.status !== "error") form?.requestSubmit();
      return;
    case "epframe.embedded_mode.check_validation":
      return tell("embedded_mode_check_validation_response", { errors: {} });
    case "epframe.embedded_mode.buttons_disable": if (press) press.disabled = true; return;
    case "epframe.embedded_mode.buttons_enable": if (press) press.disabled = false;
  }
}

function announce() {
  const { screen: name, request } = screen().dataset;
  if (name === "error") return;
  tell("template_name", { name });
  if (request) {
    tellOnce("payment_method_select", METHOD);
    if (!ended()) tellOnce("payment_sent", {}, "sent" + request);
    tellOnce("payment_submit_result", { request_id: request }, "result" + request);
  }
  if (name === "pay") tell("with_qr_pay");
  else tell("remove_css_class", { class: "with-qr-pay" });
  if (name === "cancelled") tellOnce("payment.canceled");
  const result = document.getElementById("result");
  if (result) {
    const data = JSON.parse(result.textContent);
    tellOnce(name === "paid" ? "payment_success" : "payment_fail", data, name + request);
  }
}

// --- going back -------------------------------------------------------------------------------
function go(way, url) {
  const heeds = framed && guid !== null;
  if (way === "events" || way === "close") tell("exit");
  else if (way === "new_tab") open(url, "_blank", "noopener");
  else if (way === "whole" && heeds) tell("redirect", { url });
  else if (way === "whole" && framed) top.location.assign(url);
  else location.replace(url);
}

function leave(event, link) {
  if (screen().dataset.screen === "retry") navigator.sendBeacon(address("/leave"));
  const { way } = link.dataset;
  // Links that need no page around do it by themselves.
  if (way === "inside" || way === "new_tab" || (way === "whole" && !(framed && guid !== null))) return;
  event.preventDefault();
  go(way, link.href);
}

// --- acting -----------------------------------------------------------------------------------
async function send(event, form) {
  event.preventDefault();
  const button = form.querySelector("button");
  if (button?.disabled) return;
  if (button) button.disabled = true;
  if (form.dataset.send === "again") tell("payment.try_again");
  else {
    tellOnce("payment_method_select", METHOD);
    tellOnce("payment_sent");
  }
  tell("show_loader");
  for (let tries = 0; tries < 5; tries++) {
    const answer = await fetch(form.action, {
      method: "POST", headers: { accept: "application/json" },
    }).catch(() => null);
    if (answer?.ok) {
      tell("hide_loader");
      return take(await answer.json());
    }
    if (answer && answer.status < 500) break;
    await wait(400 * (tries + 1));
  }
  tell("hide_loader");
  location.replace(address(""));
}

async function save(event, link) {
  // On a telephone the sheet for sharing is the way into its album.
  const touch = matchMedia("(pointer: coarse)").matches;
  if (!touch || !navigator.canShare) return;
  event.preventDefault();
  try {
    const blob = await (await fetch(link.href)).blob();
    const file = new File([blob], link.download, { type: "image/png" });
    if (!navigator.canShare({ files: [file] })) throw new TypeError("no files");
    await navigator.share({ files: [file] });
  } catch (error) {
    if (error.name !== "AbortError") location.assign(link.href);
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy).catch(() => {
    const field = document.createElement("textarea");
    field.value = button.dataset.copy;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  });
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
  say(button.dataset.said);
}

function clicked(event) {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-close]")) tell(ended() ? "exit" : "destroy");
  else if (at("[data-way]")) leave(event, at("[data-way]"));
  else if (at("[data-save]")) save(event, at("[data-save]"));
  else if (at("[data-copy]")) copy(at("[data-copy]"));
}

// --- following --------------------------------------------------------------------------------
let source = null;
let fails = 0;
let looking = false;
let alive = 0;

function take(news) {
  const now = screen().dataset;
  if (!news.html || news.version === now.version || news.order < Number(now.order)) return;
  const page = new DOMParser().parseFromString(news.html, "text/html");
  screen().replaceWith(page.getElementById("screen"));
  document.title = screen().dataset.title;
  begin();
  // The heading says the news, also to who cannot see it.
  screen().querySelector("h1")?.focus({ preventScroll: framed });
}

async function look(more = "wait=0") {
  const since = encodeURIComponent(screen().dataset.version);
  const answer = await fetch(address("/state", "since=" + since + "&" + more), { cache: "no-store" })
    .catch(() => null);
  if (answer?.ok) take(await answer.json().catch(() => ({})));
  return answer?.ok;
}

// Where streams do not come through, the page asks, and the answer waits for news.
async function poll() {
  if (looking) return;
  looking = true;
  while (!ended() && !source) {
    await wait((await look("")) ? 50 : 300);
  }
  looking = false;
}

function follow() {
  if (source || !("live" in screen().dataset)) return;
  if (!self.EventSource || fails > 20) { poll(); return; }
  const opened = new EventSource(address("/events"));
  source = opened;
  alive = performance.now();
  opened.onmessage = (event) => {
    fails = 0;
    alive = performance.now();
    take(JSON.parse(event.data));
    if (ended()) stop();
  };
  opened.onerror = () => {
    if (source !== opened) return;
    stop();
    fails += 1;
    if (ended()) return;
    look();
    setTimeout(follow, Math.min(100 * fails, 2000) + Math.random() * 100);
  };
}

function stop() {
  source?.close();
  source = null;
}

function wake() {
  if (document.hidden || ended() || !("live" in screen().dataset)) return;
  const quiet = performance.now() - alive;
  if (source && quiet < 2000) return;
  if (quiet > 25000) stop();
  look();
  follow();
}

// A stream that a proxy holds back is as good as none.
setInterval(() => { if (source && performance.now() - alive > 25000) wake(); }, 5000);
setTimeout(() => {
  if (source && performance.now() - alive > 2500) { fails = 99; stop(); follow(); }
}, 3000);

function countDown() {
  const left = document.querySelector("[data-left]");
  if (!left) return;
  const ends = performance.now() + Number(left.dataset.left) * 1000;
  let before = Number(left.dataset.left) + 1;
  const timer = setInterval(() => {
    const seconds = Math.max(Math.ceil((ends - performance.now()) / 1000), 0);
    left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    left.classList.toggle("soon", seconds <= 60);
    for (const mark of [300, 60]) {
      if (before > mark && seconds <= mark && seconds > mark - 5) say(left.getAttribute("data-said-" + mark));
    }
    before = seconds;
    if (!left.isConnected || seconds === 0) clearInterval(timer);
    // A moment later, so that the server agrees that the time is over.
    if (left.isConnected && seconds === 0) setTimeout(look, 700);
  }, 250);
}

function begin() {
  for (const button of document.querySelectorAll(".copy, button[data-way]")) button.hidden = false;
  // A modal has a button of its own at that place.
  document.querySelector("[data-close]").hidden = !framed || document.body.className === "popup";
  announce();
  const { auto, autoUrl } = screen().dataset;
  if (auto) setTimeout(() => go(auto, autoUrl), framed ? 50 : 0);
  countDown();
  if (ended()) stop();
  else follow();
}

addEventListener("message", heard);
addEventListener("click", clicked);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && document.body.className === "embedded") tell("enter_key_pressed");
  if (event.key === "Escape" && document.body.className === "popup") tell(ended() ? "exit" : "destroy");
});
addEventListener("submit", (event) => {
  if (event.target.matches("[data-send]")) send(event, event.target);
});
for (const name of ["focus", "pageshow", "online"]) addEventListener(name, wake);
document.addEventListener("visibilitychange", wake);
if (framed) new ResizeObserver(() => tell("resize", size())).observe(document.body);

// The address of the page keeps its state: it can be reloaded, and a killed tab comes back.
const { path } = screen().dataset;
if (path && location.pathname === "/payment") history.replaceState(null, "", path + query);
begin();
