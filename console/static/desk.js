// The desk works without this: it keeps countdowns and the month current, shows the progress of many decisions, and
// saves some clicks. No page of it needs more than this file.
"use strict";

document.body.classList.add("scripted");

// The answer to a form is not a page to come back to: back and reload load its page, and never offer to send it again.
if ("posted" in document.body.dataset) history.replaceState(null, "", document.referrer || location.href);

// -- countdowns, in the words of console/reviewers/wording.py

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

// By the server's clock: the browser's may be wrong, and the demo skips time.
let ahead = Date.parse(document.body.dataset.now) - Date.now();

function countDown() {
  for (const each of document.querySelectorAll("time[data-countdown]")) {
    const text = distance(Date.parse(each.dateTime) - Date.now() - ahead);
    if (each.textContent !== text) each.textContent = text;
  }
}
countDown();
setInterval(countDown, 20000);

// -- the month, kept current: the parts marked data-live are replaced, the rest of the page stays as it is

// What a person would miss: where the focus is, what is ticked or open, how far a table is scrolled.
function keyOf(element) {
  if (element.id) return `#${element.id}`;
  return [element.tagName, element.getAttribute("href"), element.getAttribute("name"), element.getAttribute("value")].join("|");
}

function replaceLive(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : "";
  const ticked = new Set([...old.querySelectorAll("input:checked")].map(keyOf));
  const scrolled = [...old.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
  const open = new Set([...old.querySelectorAll("details[open]")].map(keyOf));
  old.replaceChildren(...fresh.childNodes);
  for (const each of old.querySelectorAll("details[id]")) each.open = open.has(keyOf(each));
  for (const each of old.querySelectorAll("input[type=checkbox]")) each.checked = ticked.has(keyOf(each));
  old.querySelectorAll(".scroll").forEach((each, n) => { each.scrollLeft = scrolled[n] || 0; });
  if (focused) [...old.querySelectorAll("a, button, input, select, [tabindex]")].find((each) => keyOf(each) === focused)?.focus({ preventScroll: true });
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.getElementById(old.id);
    if (!part) return false;
    old.dataset.pulse = part.dataset.pulse;
    replaceLive(old, part);
  }
  ahead = Date.parse(fresh.body.dataset.now) - Date.now();
  countDown();
  document.dispatchEvent(new Event("refreshed"));
  return true;
}

function listen(status) {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const say = (text, link) => {
    status.replaceChildren(text);
    if (!link) return;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = link;
    status.append(" ", again);
  };
  const events = new EventSource(status.dataset.events);
  let busy = false, latest = "";
  async function catchUp() {
    if (busy) return;
    busy = true;
    try {
      while (latest !== part.dataset.pulse) {
        const seen = latest;
        if (!await refresh()) return say("This page has changed.", "Reload it");
        if (latest === seen && latest !== part.dataset.pulse) latest = part.dataset.pulse; // it was newer already
        await new Promise((done) => setTimeout(done, 500)); // many changes at once are shown together
      }
    } catch {
      say("Waiting for the connection …");
    } finally {
      busy = false;
    }
  }
  events.addEventListener("message", (event) => {
    latest = event.data;
    if ("ask" in status.dataset) say(latest === part.dataset.pulse ? "" : "The list has changed.", latest === part.dataset.pulse ? "" : "Show it");
    else { say("Live"); catchUp(); }
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say("Not live any more.", "Reload");
    else say("Waiting for the connection …");
  });
  addEventListener("pagehide", () => events.close());
}
for (const each of document.querySelectorAll("[data-events]")) listen(each);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// -- files of a task: each is sent as soon as it is chosen, so that a bad line costs one photo and not the form

async function upload(input) {
  const field = input.closest(".field"), kept = field.querySelector("[data-kept]"), said = field.querySelector("[data-said]");
  const most = Number(input.dataset.mostMb);
  for (const file of [...input.files]) {
    if (file.size > most * 1e6) {
      said.textContent = `${file.name} has ${(file.size / 1e6).toFixed(1)} MB; at most ${most} MB are taken: send a smaller one.`;
      continue;
    }
    said.textContent = `Sending ${file.name} …`;
    const body = new FormData();
    body.append(input.name, file);
    try {
      const headers = { "X-CSRF-Token": input.form.elements.csrf.value };
      const answer = await fetch(input.dataset.upload, { method: "POST", body, headers });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(kept.id);
      if (fresh) kept.replaceChildren(...fresh.childNodes);
      said.textContent = page.querySelector("main [role=alert]")?.textContent ?? (answer.ok ? "" : "It was not taken. Reload the page, and try again.");
    } catch {
      said.textContent = `${file.name} was not sent. Check the connection, and choose it again.`;
    }
  }
  input.value = "";
}
document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-upload]")) upload(event.target);
});
for (const chosenBefore of document.querySelectorAll("input[type=file][data-upload]")) upload(chosenBefore);

// -- selecting rows

function selection(form) {
  const boxes = () => [...form.querySelectorAll("input[name=row]")];
  const all = form.querySelector("[data-all]"), everything = form.querySelector("[data-everything]");
  const told = form.querySelector("[data-selected]");
  if (!told) return;
  let last = null;
  function tell() {
    const ticked = boxes().filter((box) => box.checked).length;
    const count = everything?.checked ? Number(form.dataset.count) : ticked;
    told.textContent = count ? `${count.toLocaleString("en")} selected` : "None selected";
    form.querySelectorAll(".decide button").forEach((button) => { button.disabled = !count; });
    form.classList.toggle("selecting", count > 0);
    const head = form.querySelector("[data-all]");
    head.checked = ticked > 0 && ticked === boxes().length;
    head.indeterminate = ticked > 0 && !head.checked;
    boxes().forEach((box) => { box.closest("tr").classList.toggle("selected", box.checked || Boolean(everything?.checked)); });
  }
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-everything]")) boxes().forEach((box) => { box.checked = everything.checked; });
    else if (everything && event.target.matches("input")) everything.checked = false; // one less, and it is not all any more
    if (event.target.matches("[data-all]")) boxes().forEach((box) => { box.checked = event.target.checked; });
    tell();
  });
  form.addEventListener("click", (event) => { // shift takes all between two clicks
    if (!event.target.matches("input[name=row]")) return;
    const rows = boxes(), at = rows.indexOf(event.target), from = rows.indexOf(last);
    if (event.shiftKey && from >= 0) rows.slice(Math.min(at, from), Math.max(at, from) + 1).forEach((box) => { box.checked = event.target.checked; });
    last = event.target;
  });
  document.addEventListener("refreshed", tell);
  tell();
}
for (const each of document.querySelectorAll("form[data-select]")) selection(each);

// -- many decisions: each result as it comes

async function* linesOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines.filter(Boolean).map((line) => JSON.parse(line));
  }
}

function outcomeRow(body, customer, name) {
  const found = body.querySelector(`tr[data-customer="${CSS.escape(customer)}"]`);
  if (found) return found;
  const row = body.insertRow();
  row.dataset.customer = customer;
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name || customer;
  row.append(head);
  row.insertCell();
  row.insertCell();
  row.insertCell().dataset.result = "";
  return row;
}

function show(outcome, body) {
  const cell = outcomeRow(body, outcome.customer_id, outcome.name).querySelector("[data-result]");
  const badge = document.createElement("span");
  badge.className = outcome.accepted ? "badge good" : "badge bad";
  badge.textContent = outcome.accepted ? "done" : "refused";
  cell.replaceChildren(badge, ` ${outcome.result}`);
}

async function decide(form) {
  const count = Number(form.dataset.stream), send = form.querySelector("[data-send]");
  const status = form.querySelector("[data-status]"), bar = form.querySelector("progress");
  const body = document.querySelector("[data-outcomes] tbody");
  const fields = new URLSearchParams(new FormData(form));
  const csrf = fields.get("csrf");
  send.disabled = true;
  form.querySelector("[data-progress]").hidden = false;
  let answered = 0, refused = 0;
  try {
    const headers = { Accept: "application/x-ndjson", "X-CSRF-Token": csrf };
    const address = form.getAttribute("action"); // form.action is the field of that name
    const answer = await fetch(address, { method: "POST", body: fields, headers });
    if (answer.status === 403) return HTMLFormElement.prototype.submit.call(form); // the session has ended: its page says so
    if (!answer.ok || !answer.headers.get("content-type").includes("ndjson")) throw new Error(`status ${answer.status}`);
    for await (const outcome of linesOf(answer)) {
      answered += 1;
      if (!outcome.accepted) refused += 1;
      show(outcome, body);
      bar.value = answered;
      status.textContent = `${answered.toLocaleString("en")} of ${count.toLocaleString("en")}${refused ? ` · ${refused} refused` : ""}`;
    }
  } catch (error) {
    status.textContent = `Stopped after ${answered} of ${count} (${error.message}).`;
  }
  if (answered >= count) {
    document.querySelector("[data-more]")?.remove();
    status.textContent = `Done: ${(answered - refused).toLocaleString("en")} accepted, ${refused.toLocaleString("en")} refused.`;
    send.hidden = true;
    const back = form.querySelector("[data-back]");
    back.className = "button primary";
    back.focus();
  } else {
    status.textContent += " Send it again: nothing takes effect twice.";
    send.disabled = false;
  }
}
for (const form of document.querySelectorAll("form[data-stream]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide(form);
  });
}

// -- a button that was pressed says so until the answer comes; to press it again would do no harm

document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const pressed of document.querySelectorAll("[aria-busy]")) pressed.removeAttribute("aria-busy");
});

// -- small conveniences

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
});

function step(by) { // j and k go from row to row, x ticks one
  const links = [...document.querySelectorAll("main tbody th a, main .needs .lead a")];
  if (!links.length) return;
  const at = links.findIndex((link) => (link.closest("tr, li")).contains(document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))].focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  else if (event.key === "x") document.activeElement.closest("tr")?.querySelector("input[name=row]")?.click();
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
  const total = editing.querySelector("output");
  const digits = Number(editing.dataset.digits), form = new RegExp(digits ? `^-?\\d+(\\.\\d{1,${digits}})?$` : "^-?\\d+$");
  const minor = (text) => {
    const [whole, rest = ""] = text.replace("-", "").split(".");
    return Number(whole + rest.padEnd(digits, "0")) * (text.startsWith("-") ? -1 : 1);
  };
  const sumUp = () => {
    let sum = Number(editing.dataset.carried);
    for (const row of editing.querySelectorAll("tbody tr")) {
      const amount = row.querySelector("input.num").value.trim();
      if (!amount || row.querySelector("input:checked")) continue;
      if (!form.test(amount)) { total.textContent = "…"; return; }
      sum += minor(amount);
    }
    const plain = String(Math.abs(sum)).padStart(digits + 1, "0"), cut = plain.length - digits;
    const whole = plain.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ","), rest = digits ? `.${plain.slice(cut)}` : "";
    total.textContent = (sum < 0 ? "-" : "") + editing.dataset.total.replace(/0(\.0+)?$/, whole + rest);
  };
  if (total) {
    editing.addEventListener("input", sumUp);
    sumUp();
  }
  addEventListener("pageshow", () => {
    for (const field of editing.querySelectorAll("input:disabled")) field.disabled = false;
  });
}
