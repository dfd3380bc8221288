// The shelf: steppers and a running total. Without this script the quantities are typed.
"use strict";

const cart = document.querySelector("[data-cart]");
const inputs = [...cart.querySelectorAll("input[type=number]")];
const total = cart.querySelector("[data-total]");
const sign = cart.dataset.currencySign;

function count() {
  let minor = 0;
  for (const input of inputs) {
    minor += Number(input.dataset.price) * Number(input.value || 0);
    input.closest(".product").classList.toggle("chosen", Number(input.value) > 0);
  }
  const [whole, part] = (minor / 100).toFixed(2).split(".");
  total.value = sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + "." + part;
  cart.querySelector("[data-checkout]").disabled = minor === 0;
}

for (const button of cart.querySelectorAll("[data-step]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const input = button.parentElement.querySelector("input");
    input.value = Math.min(Math.max(Number(input.value) + Number(button.dataset.step), 0), input.max);
    count();
  });
}
cart.addEventListener("input", count);
window.addEventListener("pageshow", count);
cart.querySelector("[data-total-row]").hidden = false;
count();
