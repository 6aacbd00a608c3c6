// The desk works without this: it keeps countdowns and the month current, and saves some clicks.
"use strict";

document.body.classList.add("scripted");

// -- countdowns, in the words of console/desk_wording.py

function distance(milliseconds) {
  const minutes = Math.floor(Math.abs(milliseconds) / 60000);
  const hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  let text = "";
  if (days) text = hours % 24 && days < 10 ? `${days} d ${hours % 24} h` : `${days} d`;
  else if (hours) text = minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  else if (minutes) text = `${minutes} min`;
  else return "now";
  return milliseconds > 0 ? `in ${text}` : `${text} ago`;
}

function countDown() {
  for (const each of document.querySelectorAll("time[data-countdown]")) {
    const text = distance(Date.parse(each.dateTime) - Date.now());
    if (each.textContent !== text) each.textContent = text;
  }
}
countDown();
setInterval(countDown, 20000);

// -- small conveniences

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-go]")) event.target.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// -- the lines of an invoice as a form: another empty row whenever the last one is used; what is untouched is not sent

const editing = document.querySelector("form[data-editing]");
if (editing) {
  editing.addEventListener("input", (event) => {
    const last = event.target.closest("tr[data-new]");
    if (!last) return;
    const next = last.cloneNode(true);
    for (const field of next.querySelectorAll("input")) {
      field.value = "";
      field.removeAttribute("aria-invalid");
    }
    for (const said of next.querySelectorAll(".error")) said.remove();
    delete last.dataset.new;
    last.after(next);
  });
  editing.addEventListener("submit", () => {
    for (const field of editing.querySelectorAll("tr:not(.new):not(.touched) input:not([type=checkbox])")) {
      field.disabled = field.value === field.defaultValue && !field.hasAttribute("aria-invalid");
    }
  });
  addEventListener("pageshow", () => {
    for (const field of editing.querySelectorAll("input:disabled")) field.disabled = false;
  });
}
