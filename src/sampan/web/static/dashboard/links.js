// A file of links at work: the page as it is now, without loading it anew.
"use strict";

async function look() {
  const before = document.querySelector("[data-live]");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const after = page.querySelector("[data-live]");
      if (after) before.replaceWith(after);
    }
  } catch {
    // The network is away for a moment: the next look may find it.
  }
  const now = document.querySelector("[data-live]").dataset.live;
  if (now === "running") setTimeout(look, 1500);
  else location.reload();
}

setTimeout(look, 1000);
