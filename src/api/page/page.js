// Keeps the page current. Everything also works without it, by reloading.
"use strict";

const served = new WeakMap(); // an element -> the HTML it was served as

function localTimes(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const today = at.toDateString() === now.toDateString();
    element.textContent = at.toLocaleString([], today
      ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
      : { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
    element.title = at.toLocaleString();
  }
}

function remember(root) {
  for (const region of root.querySelectorAll("[data-live]"))
    for (const child of region.children) served.set(child, child.outerHTML);
}

// Puts the children of `fresh` in place of those of `old`; those that did not change stay
// untouched, so nothing flickers and nothing loses its focus.
function merge(old, fresh) {
  const kept = new Map();
  for (const child of [...old.children]) kept.set(child.dataset.key, child);
  let place = old.firstElementChild;
  for (const child of [...fresh.children]) {
    const html = child.outerHTML;
    const same = kept.get(child.dataset.key);
    kept.delete(child.dataset.key);
    if (same && served.get(same) === html) {
      if (same === place) place = place.nextElementSibling;
      else old.insertBefore(same, place);
      continue;
    }
    const node = document.importNode(child, true);
    served.set(node, html);
    localTimes(node);
    if (same) {
      carry(same, node);
      if (same === place) place = place.nextElementSibling;
      same.replaceWith(node);
      if (node.nextElementSibling !== place) old.insertBefore(node, place);
    } else {
      node.classList.add("fresh");
      old.insertBefore(node, place);
    }
  }
  for (const gone of kept.values()) gone.remove();
}

// What the reader did to the old element: opened details, pictures already loaded, progress.
function carry(from, to) {
  const open = from.querySelectorAll("details");
  to.querySelectorAll("details").forEach((details, index) => {
    if (open[index]) details.open = open[index].open;
  });
  const pictures = new Map([...from.querySelectorAll("img")].map((img) => [img.src, img]));
  for (const img of to.querySelectorAll("img")) {
    const loaded = pictures.get(img.src);
    if (loaded) { pictures.delete(img.src); img.replaceWith(loaded); }
  }
  const busy = to.querySelector(".badge.busy");
  const old = from.querySelector("[data-stage]");
  const stage = to.querySelector("[data-stage]");
  if (busy && old && stage) stage.replaceWith(old);
}

let running = false;
let again = false;
async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.ok) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const region of document.querySelectorAll("[data-live]")) {
        const other = fresh.getElementById(region.id);
        if (other) merge(region, other);
      }
    }
  } catch { /* the gateway is restarting: the event stream reconnects and refreshes */ }
  running = false;
  if (again) { again = false; soon(); }
}

let timer = 0;
function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, 120);
}

function showStage(event) {
  if (!event.id) return;
  const place = document.querySelector(`[data-stage="${CSS.escape(event.id)}"]`);
  if (!place) return;
  if (event.stage === "hung-up") { place.replaceChildren(); return; }
  const text = document.createElement("span");
  if (event.total) {
    const bar = document.createElement("progress");
    bar.max = event.total;
    bar.value = event.done;
    bar.setAttribute("aria-label", event.text);
    text.textContent = Math.floor((100 * event.done) / event.total) + " %";
    place.replaceChildren(bar, text);
  } else {
    text.textContent = event.text;
    place.replaceChildren(text);
  }
}

function listen() {
  let lost = false;
  const source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => { if (lost) { lost = false; notice(""); refresh(); } });
  source.addEventListener("state", soon);
  source.addEventListener("modem", soon);
  source.addEventListener("missed", soon);
  source.addEventListener("stage", (message) => showStage(JSON.parse(message.data)));
  source.addEventListener("error", () => {
    lost = true;
    notice("The gateway does not answer. This page goes on when it is back.");
    if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(listen, 3000); }
  });
  addEventListener("pagehide", () => source.close());
}

let noticeTimer = 0;
function notice(text, seconds) {
  const place = document.getElementById("notice");
  clearTimeout(noticeTimer);
  place.textContent = text;
  place.hidden = !text;
  if (text && seconds) noticeTimer = setTimeout(() => notice(""), seconds * 1000);
}

function compose(form) {
  const error = document.getElementById("compose-error");
  const button = form.querySelector("button");
  const file = form.elements.file;
  const help = document.getElementById("file-help");
  const hint = help.textContent;
  file.addEventListener("change", () => {
    const octets = [...file.files].reduce((sum, one) => sum + one.size, 0);
    help.textContent = octets ? `${Math.ceil(octets / 1000)} kB chosen. ${hint}` : hint;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    button.disabled = true;
    try {
      const response = await fetch("/api/v1/messages", { method: "POST", body: new FormData(form) });
      const answer = await response.json();
      if (response.ok) {
        form.reset();
        help.textContent = hint;
        notice("Your message is on its way.", 4);
        if (new URLSearchParams(location.search).has("after")) location.href = "/"; else refresh();
      } else {
        const details = answer.errors && answer.errors.length
          ? answer.errors.map((one) => one.detail).join(". ") : answer.detail;
        error.textContent = details.charAt(0).toUpperCase() + details.slice(1) + "."
          + (answer.hint ? ` Try: ${answer.hint}.` : "");
        error.hidden = false;
      }
    } catch {
      error.textContent = "The gateway does not answer; nothing was sent.";
      error.hidden = false;
    }
    button.disabled = false;
  });
}

remember(document);
localTimes(document);
if (document.querySelector("[data-live]")) listen();
const form = document.getElementById("compose");
if (form) compose(form);
