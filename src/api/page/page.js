// Keeps the page current. Everything also works without it, by reloading.
"use strict";

const FOCUSABLE = "a[href], button, summary";
const plainTitle = document.title;
let unseen = 0; // messages that came while nobody looked
const served = new WeakMap(); // an element -> the HTML it was served as

// The shorter, the nearer: "14:03", "Fri 14:03", "21 Nov, 14:03".
function localTimes(root) {
  const now = new Date();
  const days = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const form = { hour: "2-digit", minute: "2-digit" };
    if ("exact" in element.dataset) form.second = "2-digit";
    const age = Math.round((days(now) - days(at)) / 86400000);
    if (age > 0 && age < 7) form.weekday = "short";
    else if (age !== 0) Object.assign(form, { month: "short", day: "numeric" });
    if (at.getFullYear() !== now.getFullYear()) form.year = "numeric";
    element.textContent = at.toLocaleString([], form);
    element.title = at.toLocaleString();
  }
}

// A picture that the browser cannot show gives way to the drawing behind it, or to words.
function broken(img) {
  if (img.closest(".thumb")) { img.remove(); return; }
  if (!img.matches(".picture")) return;
  const words = document.createElement("span");
  words.className = "broken";
  words.textContent = "This picture cannot be shown here. Open it to save it.";
  img.replaceWith(words);
}

function remember(root) {
  for (const region of root.querySelectorAll("[data-live]"))
    for (const child of region.children) served.set(child, child.outerHTML);
}

// Puts the children of `fresh` in place of those of `old`; those that did not change stay
// untouched, so nothing flickers, and what has the focus keeps it.
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
      const focus = [...same.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
      carry(same, node);
      if (same === place) place = place.nextElementSibling;
      same.replaceWith(node);
      if (focus >= 0) node.querySelectorAll(FOCUSABLE)[focus]?.focus({ preventScroll: true });
      if (node.nextElementSibling !== place) old.insertBefore(node, place);
    } else {
      node.classList.add("fresh");
      if (document.hidden && node.querySelector(".way.in")) unseen += 1;
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
      localTimes(document); // "14:03" becomes "Fri 14:03" at midnight
      if (unseen) document.title = `(${unseen}) ${plainTitle}`;
    }
  } catch { /* the gateway is restarting: the event stream reconnects and refreshes */ }
  running = false;
  if (again) { again = false; soon(); }
}

let timer = 0;
function soon() {
  // Never put off: a steady stream of events must not keep the page from following.
  timer ||= setTimeout(() => { timer = 0; refresh(); }, 120);
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
    text.textContent = event.text.charAt(0).toUpperCase() + event.text.slice(1);
    place.replaceChildren(text);
  }
}

let source = null;
let lost = 0;
function listen() {
  source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => {
    if (!lost) return;
    clearTimeout(lost);
    lost = 0;
    notice("");
    refresh();
  });
  source.addEventListener("state", soon);
  source.addEventListener("modem", soon);
  source.addEventListener("alarm", soon);
  source.addEventListener("missed", soon);
  source.addEventListener("stage", (message) => showStage(JSON.parse(message.data)));
  source.addEventListener("error", () => {
    // Not for the blink of a restart.
    lost ||= setTimeout(
      () => notice("The gateway does not answer. This page goes on when it is back."), 1500);
    if (source?.readyState === EventSource.CLOSED) { hangUp(); setTimeout(resume, 3000); }
  });
}

function hangUp() {
  source?.close();
  source = null;
}

function resume() {
  if (!source) listen();
}

// A browser opens six connections to one host and no more, so a page that nobody looks at gives
// its own back; the list keeps it and counts in its title what arrives.
function watchVisibility() {
  const counts = document.getElementById("messages");
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (!counts) hangUp();
      return;
    }
    unseen = 0;
    document.title = plainTitle;
    resume();
    refresh();
  });
  addEventListener("pagehide", hangUp);
  addEventListener("pageshow", (event) => { if (event.persisted) { resume(); refresh(); } });
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
  const limit = Number(form.dataset.limit) || Infinity;
  const mark = (field, wrong) => {
    if (wrong) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
  };
  const chosen = () => {
    const octets = [...file.files].reduce((sum, one) => sum + one.size, 0);
    help.textContent = octets ? `${Math.ceil(octets / 1000)} kB chosen. ${hint}` : hint;
    help.classList.toggle("over", octets > limit);
  };
  const complain = (text, fields) => {
    error.textContent = text;
    error.hidden = false;
    fields.forEach((field) => mark(field, true));
    (fields[0] || button).focus();
  };
  file.addEventListener("change", chosen);
  watchKind(form);
  form.addEventListener("input", (event) => mark(event.target, false));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    for (const field of form.elements) mark(field, false);
    button.disabled = true;
    try {
      const response = await fetch("/api/v1/messages", { method: "POST", body: new FormData(form) });
      const answer = await response.json();
      button.disabled = false;
      if (response.ok) {
        const kept = ["kind", "modem"].filter((name) => form.elements[name])
          .map((name) => [name, form.elements[name].value]);
        form.reset();
        for (const [name, value] of kept) form.elements[name].value = value;
        form.dispatchEvent(new Event("kind"));
        chosen();
        sent();
      } else {
        const wrong = answer.errors ?? [];
        const details = (wrong.length ? wrong : [answer]).map((one) => one.detail);
        if (answer.hint) details.push(answer.hint);
        const names = { to: "to", subject: "subject", text: "text", file: "file", parts: "file", modem: "modem" };
        complain(details.map(sentence).join(" "), wrong
          .map((one) => form.elements[names[one.pointer.split("/")[1]]])
          .filter((field) => field));
      }
    } catch {
      button.disabled = false;
      complain("The gateway does not answer; nothing is known to be sent. See the list.", []);
    }
  });
  const shown = () => {
    if (location.hash !== "#compose") return;
    form.elements[form.elements.to.value ? "text" : "to"].focus({ preventScroll: true });
  };
  addEventListener("hashchange", shown);
  // After the browser has gone to the fragment, which takes the focus away.
  addEventListener("load", () => setTimeout(shown));
}

// An SMS has text and nothing else; how many it takes is told while it is written.
function watchKind(form) {
  const help = document.getElementById("text-help");
  let asked = 0;
  let timer = 0;
  const isSms = () => form.elements.kind.value === "sms";
  const count = async () => {
    const mine = ++asked;
    const text = form.elements.text.value;
    if (!isSms() || !text.trim()) { help.textContent = ""; help.classList.remove("over"); return; }
    try {
      const response = await fetch("/api/v1/sms/count", {
        method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify({ text }),
      });
      if (!response.ok || mine !== asked) return;
      const cost = await response.json();
      const wide = cost.beyond?.length ? ` ${cost.beyond.join(" ")} make it longer: without, 160 characters fit into one SMS instead of 70.` : "";
      help.textContent = `${cost.segments} SMS, room for ${cost.left} more characters.${wide}`;
      help.classList.toggle("over", cost.segments > cost.limit);
      if (cost.segments > cost.limit) help.textContent = `${cost.segments} SMS; at most ${cost.limit} can be sent.`;
    } catch { /* counting is a courtesy */ }
  };
  const turn = () => {
    for (const part of form.querySelectorAll("[data-only]")) {
      const off = (part.dataset.only === "sms") !== isSms();
      part.hidden = off;
      for (const field of part.querySelectorAll("input")) field.disabled = off;
    }
    count();
  };
  form.addEventListener("change", (event) => { if (event.target.name === "kind") turn(); });
  form.addEventListener("kind", turn);
  form.elements.text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(count, 250); });
  turn();
}

function sent() {
  if (new URLSearchParams(location.search).has("after")) { location.href = "/"; return; }
  notice("Your message is on its way.", 4);
  document.querySelector(".compose").classList.remove("open");
  if (location.hash === "#compose") location.hash = "main"; // folds the form away on a phone
  else document.getElementById("to").focus({ preventScroll: true });
  refresh();
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]["'”]?$/.test(whole) ? whole : whole + ".";
}

remember(document);
localTimes(document);
addEventListener("error", (event) => {
  if (event.target instanceof HTMLImageElement) broken(event.target);
}, true);
for (const img of document.images) if (img.complete && !img.naturalWidth) broken(img);
if (document.querySelector("[data-live]")) {
  listen();
  watchVisibility();
}
const form = document.getElementById("compose");
if (form) compose(form);
