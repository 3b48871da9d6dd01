// What the pages do beyond their own forms and links: a ticket opens over the board, cards are moved
// by hand and by keys, and whatever changes shows itself.

const main = document.querySelector("main");
const drawer = document.querySelector("#drawer");
const keys = document.querySelector("#keys");
const STAGES = ["backlog", "up_next", "in_progress", "validation", "live"];
const CONTROLS = "a, button, summary, input:not([type=hidden]), select, textarea";
const HEARD_MS = 50_000;
const GATHER_MS = 400;
const AGAIN_MS = { first: 3_000, most: 60_000 };

// Our own server's markup is the only one that becomes elements, and it does so here.
const policy = globalThis.trustedTypes?.createPolicy("portal", { createHTML: (html) => html })
  ?? { createHTML: (html) => html };
const parsed = (html) => new DOMParser().parseFromString(policy.createHTML(html), "text/html");

/** Load a page of ours, or send a form to it; whoever is signed out goes to sign in. */
async function load(address, fields) {
  const sent = fields && { method: "POST", body: new URLSearchParams(fields) };
  const response = await fetch(address, { ...sent, headers: { Accept: "text/html" } });
  const page = parsed(await response.text());
  if (new URL(response.url).pathname === "/sign-in") location.assign(location.href);
  return { page, content: page.querySelector("main"), ok: response.ok, address: response.url };
}

/** Do what may fail for want of a server, and say so if it does. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say("The server can't be reached.");
    return undefined;
  }
}

/** Say something for a while, aloud where the page is read aloud. */
function say(text) {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.setAttribute("role", "alert");
  (document.querySelector("dialog[open]") ?? document.body).append(toast);
  toast.textContent = text;
  setTimeout(() => toast.remove(), 10_000);
}

/** What a page that refuses says. */
const refusalOf = (content) =>
  content?.querySelector("[data-refused]")?.textContent.trim() ?? "That was not done.";

// Patches: what is the same stays as it is, with the focus and all that was opened in it.

/** Put `fresh` in the place of `old` unless it says the same. */
function replace(old, fresh) {
  if (said(old) === said(fresh)) return old;
  const focused = old.contains(document.activeElement) && document.activeElement;
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  old.replaceWith(fresh);
  fresh.querySelectorAll("details").forEach((one, place) => (one.open ||= opened[place] ?? false));
  if (focused) focusOn(again(focused, fresh) ?? fresh.querySelector(CONTROLS) ?? fresh);
  return fresh;
}

/** Give the focus to an element, also to one that can't be reached by keys. */
function focusOn(element) {
  if (!element.matches(CONTROLS)) element.tabIndex = -1;
  element.focus();
}

/** What an element says: not how long ago it was said, nor what guards a form. */
function said(element) {
  const copy = element.cloneNode(true);
  copy.classList.remove("changed");
  for (const one of [copy, ...copy.querySelectorAll("[draggable]")]) one.removeAttribute("draggable");
  for (const one of copy.querySelectorAll("[data-ago]")) one.textContent = "";
  for (const one of copy.querySelectorAll("details")) one.open = false;
  for (const one of copy.querySelectorAll("[name=guard]")) one.remove();
  return copy.outerHTML;
}

/** Find in `fresh` what `focused` was in what it takes the place of. */
function again(focused, fresh) {
  if (focused.id) return fresh.querySelector(`#${CSS.escape(focused.id)}`);
  const like = (one) => one.tagName === focused.tagName && one.textContent === focused.textContent;
  return [...fresh.querySelectorAll(CONTROLS)].find(like);
}

function isChanged(field) {
  if (field.type === "hidden") return false;
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  const asked = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(asked, 0);
}

/** Tell whether somebody filled in something that was not sent yet. */
const isFilledIn = (part) => [...part.querySelectorAll("input, select, textarea")].some(isChanged);

/** Show a page's parts as they are now; a part in which somebody writes is left alone. */
function showParts(within, content) {
  const focused = document.activeElement;
  const ticket = focused.closest(".card")?.dataset.ticket;
  for (const fresh of content.querySelectorAll("[data-part]")) {
    const old = within.querySelector(`#${CSS.escape(fresh.id)}`);
    if (old && isFilledIn(old)) continue;
    if (old) replace(old, fresh);
  }
  const card = ticket && !focused.isConnected && cardOf(ticket); // it may be in another column now
  if (card) focusOn(again(focused, card) ?? card.querySelector("[data-drawer]"));
  becomeDraggable();
}

let refreshing;
/** Read the page again, once for all that asked for it in a moment; the drawer is its own page. */
function refresh() {
  refreshing ??= setTimeout(async () => {
    refreshing = undefined;
    const address = drawer.open ? under.address : location.href;
    try {
      const { content, ok } = await load(address);
      if (ok && content) showParts(main, content);
      if (drawer.open) await refreshDrawer();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // out of reach: the stream comes again, too
    }
  }, GATHER_MS * (0.5 + Math.random()));
}

// The board.

const cardOf = (ticket) => document.querySelector(`#${CSS.escape(`card-${ticket}`)}`);
const columnOf = (stage) => main.querySelector(`.column[data-stage="${stage}"]`);

/** Tell whether the board's filters find a card: undefined where only the server knows. */
function isFound(card) {
  const facts = JSON.parse(card.dataset.facts);
  const filters = Object.entries(JSON.parse(main.dataset.filters));
  const unknown = filters.some(([name, value]) => !(name in facts) || value === "me");
  const missed = filters.some(
    ([name, value]) => name in facts && value !== "me" && !facts[name].includes(value),
  );
  return missed ? false : unknown ? undefined : true;
}

/** Show a card where it belongs now. */
function showCard(card) {
  const old = cardOf(card.dataset.ticket);
  const found = isFound(card) ?? Boolean(old);
  const column = columnOf(card.dataset.stage);
  if (!found && !old) return;
  if (!found) {
    count(old.dataset.stage, -1);
    const beside = step(old, "ArrowDown") ?? step(old, "ArrowUp");
    if (old.contains(document.activeElement))
      focusOn(beside?.querySelector("[data-drawer]") ?? columnOf(old.dataset.stage));
    return old.remove();
  }
  if (!old) return refresh(); // new, or of a further page: the counts are the server's to tell
  const stage = old.dataset.stage;
  const shown = replace(old, card);
  if (shown === old) return;
  shown.classList.add("changed");
  if (stage !== card.dataset.stage) {
    count(stage, -1);
    count(card.dataset.stage, 1);
  }
  const others = [...column.querySelectorAll(".card")].filter((one) => one !== shown);
  const next = others.find((one) => one.dataset.order > shown.dataset.order);
  const place = next ?? column.querySelector(".more");
  const focused = document.activeElement;
  if (shown.nextElementSibling !== place || shown.parentElement !== column) {
    column.insertBefore(shown, place);
    if (shown.contains(focused)) focused.focus();
  }
  becomeDraggable();
}

function count(stage, change) {
  const shown = columnOf(stage)?.querySelector("[data-count]");
  if (!shown || shown.textContent !== shown.dataset.count) return; // more than was counted
  shown.dataset.count = shown.textContent = Number(shown.dataset.count) + change;
}

/** Move a card to a stage; say why where that is refused. */
async function move(card, stage) {
  const ticket = card.dataset.ticket;
  if (stage === card.dataset.stage) return;
  if (stage === "live") {
    await openTicket(card.querySelector("[data-drawer]").href);
    const close = drawer.querySelector("#close");
    if (close) close.open = true;
    return close?.querySelector("select").focus();
  }
  card.setAttribute("aria-busy", "true");
  const fields = new FormData(document.querySelector("#move"));
  fields.set("to", `${ticket} ${stage} ${card.dataset.version}`);
  const moved = await attempt(() => load("/moves", fields));
  card.removeAttribute("aria-busy");
  if (moved?.ok) showParts(main, moved.content);
  else if (moved) {
    say(refusalOf(moved.content));
    refresh();
  }
  cardOf(ticket)?.querySelector("[data-drawer]").focus();
}

function becomeDraggable() {
  if (main.dataset.live !== "board" || "readOnly" in main.dataset) return;
  for (const card of main.querySelectorAll(".card")) card.draggable = true;
}

let dragged;
main.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".card") ?? undefined;
  event.dataTransfer.setData("text/plain", dragged?.dataset.ticket ?? "");
});
main.addEventListener("dragend", () => {
  dragged = undefined;
  main.querySelector(".over")?.classList.remove("over");
});
main.addEventListener("dragover", (event) => {
  const column = dragged && event.target.closest(".column");
  if (column !== main.querySelector(".over")) {
    main.querySelector(".over")?.classList.remove("over");
    column?.classList.add("over");
  }
  if (column) event.preventDefault();
});
main.addEventListener("drop", (event) => {
  const column = dragged && event.target.closest(".column");
  if (!column) return;
  event.preventDefault();
  move(cardOf(dragged.dataset.ticket), column.dataset.stage);
});

// The drawer: a ticket's own page, over the one it was opened from.

const own = location.pathname;
let under; // the page's address and title, and the ticket whose card opened the drawer

async function openTicket(address, { isBack = false } = {}) {
  const opened = await attempt(() => load(address));
  if (!opened) return;
  const ticket = new URL(address, location).pathname.split("/").pop();
  if (!drawer.open) under = { address: location.href, title: document.title, ticket };
  if (!isBack) history[drawer.open ? "replaceState" : "pushState"]({ drawer: true }, "", address);
  showTicket(opened);
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
}

function showTicket({ page, content }) {
  const close = document.createElement("button");
  close.className = "quiet close";
  close.textContent = "Close";
  close.addEventListener("click", () => drawer.close());
  drawer.replaceChildren(close, ...content.childNodes);
  drawer.toggleAttribute("data-read-only", content.hasAttribute("data-read-only"));
  document.title = page.title;
}

async function refreshDrawer() {
  const { content, ok } = await load(location.href);
  if (ok && drawer.open) showParts(drawer, content);
}

drawer.addEventListener("close", () => {
  drawer.replaceChildren();
  document.title = under.title;
  if (document.activeElement === document.body) focusCard(cardOf(under.ticket));
  if (history.state?.drawer) history.back();
});
addEventListener("popstate", () => {
  if (history.state?.drawer && main.dataset.live === "board")
    openTicket(location.href, { isBack: true });
  else if (drawer.open) drawer.close();
  else if (location.pathname !== own) location.reload(); // of a page that was loaded again since
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const isTicket = link.origin === location.origin && link.pathname.startsWith("/tickets/");
  if (!isTicket || !(main.dataset.live === "board" || drawer.open)) return;
  if (link.pathname === location.pathname) return; // a place on the page that is open
  event.preventDefault();
  openTicket(link.href);
});

document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (form.id === "move") {
    event.preventDefault();
    const [ticket, stage] = submitter.value.split(" ");
    return move(cardOf(ticket), stage);
  }
  if (!drawer.contains(form) || form.method !== "post") return;
  event.preventDefault();
  const fields = new FormData(form, submitter);
  const done = await attempt(() => load(form.getAttribute("action"), fields));
  if (!done) return;
  if (!done.ok) return say(refusalOf(done.content));
  const part = form.closest("[id]:not(form)");
  showTicket(done);
  const same = drawer.querySelector(`#${CSS.escape(part.id)}`) ?? drawer;
  focusOn(again(submitter, same) ?? same.querySelector(CONTROLS) ?? same);
});

// Keys.

const onlyWhereAsked = () => document.querySelector("#single-keys").checked === false;

function focusCard(card) {
  card?.querySelector("[data-drawer]").focus();
}

function step(card, key) {
  const column = card.closest(".column");
  const cards = [...column.querySelectorAll(".card")];
  const place = cards.indexOf(card);
  if (key === "ArrowDown") return cards[place + 1];
  if (key === "ArrowUp") return cards[place - 1];
  const columns = [...main.querySelectorAll(".column")];
  const ahead = key === "ArrowRight" ? columns.slice(columns.indexOf(column) + 1)
    : columns.slice(0, columns.indexOf(column)).reverse();
  const beside = ahead.map((one) => [...one.querySelectorAll(".card")]).find((one) => one.length);
  return beside?.[Math.min(place, beside.length - 1)];
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input, select, textarea")) return;
  const card = target.closest(".card");
  if (card && target.matches("[data-drawer]") && key.startsWith("Arrow")) {
    event.preventDefault();
    if (!event.shiftKey) return focusCard(step(card, key));
    const stage = STAGES.indexOf(card.dataset.stage) + (key === "ArrowRight" ? 1 : -1);
    const sideways = key === "ArrowRight" || key === "ArrowLeft";
    if (sideways && STAGES[stage] && !("readOnly" in main.dataset)) move(card, STAGES[stage]);
    return;
  }
  if (onlyWhereAsked() || document.querySelector("dialog[open]")) return;
  const does = {
    "/": () => document.querySelector("#search").focus(),
    "?": () => keys.showModal(),
    n: () => location.assign("/new"),
    b: () => location.assign("/"),
    i: () => location.assign("/inbox"),
  }[key];
  if (!does) return;
  event.preventDefault();
  does();
});

const single = document.querySelector("#single-keys");
single.checked = localStorage.getItem("handoff-single-keys") !== "no";
single.addEventListener("change", () =>
  localStorage.setItem("handoff-single-keys", single.checked ? "yes" : "no"),
);
const showKeys = document.querySelector("#show-keys");
showKeys.hidden = false;
showKeys.addEventListener("click", () => keys.showModal());

// Changes as they happen, while somebody looks.

let stream;
let heard = 0;
let pause = AGAIN_MS.first;

function listen() {
  stream?.close();
  stream = new EventSource(`/changes?project=${encodeURIComponent(main.dataset.project)}`);
  const hear = (type, does) =>
    stream.addEventListener(type, (event) => {
      heard = Date.now();
      pause = AGAIN_MS.first;
      does?.(event);
    });
  stream.addEventListener("open", refresh); // what changed before somebody listened
  hear("beat");
  hear("changed", refresh);
  hear("card", ({ data }) => {
    const { ticket, html } = JSON.parse(data);
    if (main.dataset.live === "board") showCard(parsed(html).querySelector(".card"));
    else refresh();
    if (drawer.open && location.pathname.endsWith(`/${ticket}`)) refreshDrawer();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // it comes again by itself
    if (!isFilledIn(document.body)) refresh(); // whoever is signed out goes to sign in
    setTimeout(look, pause);
    pause = Math.min(2 * pause, AGAIN_MS.most);
  });
}

/** Listen while the page is seen: a browser has few connections to a host for all its pages. */
function look() {
  if (document.hidden) stream = stream?.close();
  else if (!stream || stream.readyState === EventSource.CLOSED) listen();
}

if (main.dataset.live) {
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", look);
  setInterval(() => {
    const isOpen = stream && stream.readyState !== EventSource.CLOSED;
    if (isOpen && Date.now() - heard > HEARD_MS) listen(); // it slept, or the network changed
  }, 10_000);
  heard = Date.now();
  look();
}
becomeDraggable();

// How long ago it was.

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"]];
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1_000;
    const [size, unit] = UNITS.find(([one]) => seconds >= one) ?? [];
    time.textContent = size ? `${Math.floor(seconds / size)} ${unit} ago` : "just now";
  }
}, 30_000);

// Tickets that look like the one that is written.

const title = document.querySelector("#title");
let asking;
title?.addEventListener("input", () => {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const project = document.querySelector("#project").value;
    const query = new URLSearchParams({ title: title.value, project });
    const found = await attempt(() => load(`/new/similar?${query}`));
    if (found?.ok) document.querySelector("#similar").replaceChildren(...found.content.childNodes);
  }, GATHER_MS);
});
