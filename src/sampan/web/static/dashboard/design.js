// The preview follows what is typed. Without this the button "Preview" shows the same.
"use strict";

const form = document.querySelector("form.designer");
const stage = form && form.querySelector("iframe");

if (stage) {
  const button = form.querySelector("button[formtarget]");
  const files = [...form.querySelectorAll("input[type=file]")];
  const first = new URL(stage.src);
  let waiting = 0;

  const show = () => {
    if (files.some((file) => file.files.length) || form.querySelector("[name$=_remove]:checked")) {
      // Pictures that are not kept yet travel with the form.
      form.requestSubmit(button);
      return;
    }
    const address = new URL(first);
    for (const name of ["title", "accent", "background", "example", "language", "scheme"]) {
      const field = form.elements.namedItem(name);
      if (field) address.searchParams.set(name, field.value);
    }
    // Replaced, so that the way back leads out of the page and not through its previews.
    stage.contentWindow.location.replace(address);
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 250);
  };

  for (const field of form.querySelectorAll("[data-live], .controls select, [name$=_remove]")) {
    field.addEventListener("input", soon);
  }
  for (const colour of form.querySelectorAll("input[type=color]")) {
    const text = document.getElementById(colour.dataset.for);
    colour.hidden = false;
    colour.addEventListener("input", () => {
      text.value = colour.value;
      soon();
    });
    text.addEventListener("input", () => {
      if (/^#[0-9a-f]{6}$/i.test(text.value)) colour.value = text.value;
    });
  }
}
