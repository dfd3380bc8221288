// What makes the Dashboard quicker; every page also works without it.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const told = button.querySelector("[data-copied]");
    told.hidden = false;
    setTimeout(() => { told.hidden = true; }, 2000);
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A form that must not be sent twice by a nervous finger.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  // What goes into a frame leaves the page as it is.
  if (event.submitter && event.submitter.formTarget) return;
  for (const button of event.target.querySelectorAll("button")) {
    setTimeout(() => { button.disabled = true; });
  }
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[method=post] button")) button.disabled = false;
});

// Keys: `/` searches, `j` and `k` go through the rows of a list, `Enter` opens one.
const rows = [...document.querySelectorAll("table.list tbody tr")];
let at = -1;

function choose(next) {
  if (!rows.length) return;
  at = Math.min(Math.max(next, 0), rows.length - 1);
  for (const row of rows) row.classList.toggle("chosen", row === rows[at]);
  const link = rows[at].querySelector("a");
  if (link) link.focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const find = document.querySelector("[data-find]");
    if (find) {
      event.preventDefault();
      find.focus();
      find.select();
    }
  } else if (event.key === "j") {
    choose(at + 1);
  } else if (event.key === "k") {
    choose(at - 1);
  }
});

// On a phone tabs and menu are wider than the page: where one is, is to be seen.
for (const here of document.querySelectorAll(".menu [aria-current], .tabs [aria-current]")) {
  const row = here.parentElement;
  row.scrollLeft += here.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - here.offsetWidth) / 2;
}
