// Reports: progress without loading the page anew, and a form that is quicker to fill in.
"use strict";

const live = document.querySelector("[data-live]");

// Parts that changed are put in place of the old ones, but for the one in which somebody is.
async function look() {
  let goesOn = true;
  try {
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      goesOn = Boolean(page.querySelector('[data-live="yes"]'));
      for (const after of page.querySelectorAll("[data-part]")) {
        const before = document.querySelector(`[data-part="${after.dataset.part}"]`);
        if (!before || before.outerHTML === after.outerHTML) continue;
        if (before.contains(document.activeElement) && goesOn) continue;
        before.replaceWith(after);
      }
    }
  } catch {
    // The network is away for a moment: the next look may find it.
  }
  if (goesOn) setTimeout(look, document.hidden ? 5000 : 1500);
}

if (live && live.dataset.live) setTimeout(look, 1000);

// The two days are asked for only where they count.
const period = document.getElementById("f-period");
const dates = document.querySelector("[data-dates]");
function showDates() {
  const shown = period.value === dates.dataset.dates;
  dates.hidden = !shown;
  for (const input of dates.querySelectorAll("input")) input.disabled = !shown;
}
if (period && dates) {
  period.addEventListener("change", showDates);
  const typed = [...dates.querySelectorAll("input")].some((input) => input.value);
  if (!typed || period.value === dates.dataset.dates) showDates();
}

// Columns are ticked and moved in place.
const columns = document.querySelector("[data-columns]");
if (columns) {
  const list = columns.querySelector("ol");
  const boxOf = (row) => row.querySelector("input");
  const tell = () => {
    for (const row of list.children) {
      for (const button of row.querySelectorAll("[data-move]")) button.hidden = !boxOf(row).checked;
    }
  };
  const usual = list.dataset.usual.split(" ");
  const pick = (names) => {
    const rows = [...list.children];
    for (const row of rows) boxOf(row).checked = names.includes(boxOf(row).value);
    const place = (row) => {
      const at = names.indexOf(boxOf(row).value);
      return at < 0 ? names.length : at;
    };
    rows.sort((one, other) => place(one) - place(other)).forEach((row) => list.append(row));
    tell();
  };
  for (const button of columns.querySelectorAll("[data-preset]")) {
    button.hidden = false;
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const every = [...list.children].map((row) => boxOf(row).value);
      const rest = every.filter((name) => !usual.includes(name));
      pick({ all: [...usual, ...rest], none: [], usual }[button.dataset.preset]);
    });
  }
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("li");
    if (button.dataset.move === "-1" && row.previousElementSibling) row.previousElementSibling.before(row);
    if (button.dataset.move === "1" && row.nextElementSibling) row.nextElementSibling.after(row);
    button.focus();
  });
  list.addEventListener("change", tell);
  const count = columns.querySelector("[data-count]");
  const recount = () => {
    count.textContent = count.textContent.replace(/\d+/, list.querySelectorAll("input:checked").length);
  };
  columns.addEventListener("change", recount);
  columns.addEventListener("click", () => setTimeout(recount));
}

// A schedule asks only for what its kind of rule needs.
const each = document.getElementById("f-each");
function showRule() {
  for (const part of document.querySelectorAll("[data-each]")) {
    part.hidden = !part.dataset.each.split(" ").includes(each.value);
  }
}
if (each) {
  each.addEventListener("change", showRule);
  showRule();
}
