/* An app in a chat: shows what a tool answered, and passes decisions on to the host.
 *
 * The view's side of MCP Apps (https://github.com/modelcontextprotocol/ext-apps, 2026-01-26):
 * JSON-RPC over postMessage with the frame's parent. Others' words become text, never markup.
 */

const PROTOCOL = "2026-01-26";
const MANY = 1000; // counts go no further
const METHOD_NOT_FOUND = -32601;

const COLOURS = {
  "--ground": "--color-background-primary",
  "--sheet": "--color-background-secondary",
  "--ink": "--color-text-primary",
  "--faint": "--color-text-secondary",
  "--line": "--color-border-primary",
  "--accent": "--color-text-info",
  "--on-accent": "--color-background-primary",
  "--good": "--color-text-success",
  "--warn": "--color-text-warning",
  "--bad": "--color-text-danger",
};
const SHAPES = {
  "--radius": "--border-radius-md",
  "--font-sans": "--font-sans",
  "--font-mono": "--font-mono",
};

const VIEWS = { board: showBoard, suggestions: showSuggestions, ticket: showTicket };

const waiting = new Map();
let asked = 0;
let can = {}; // what the host can do
let context = {}; // how it shows us
let input = {}; // what the tool was called with

// --- the host -------------------------------------------------------------------------------

const HEARD = new Map([
  ["ui/notifications/host-context-changed", follow],
  ["ui/notifications/tool-input", (params) => (input = params.arguments ?? {})],
  ["ui/notifications/tool-result", show],
  ["ui/notifications/tool-cancelled", () => say("The call was cancelled.")],
]);
const ANSWERED = ["ping", "ui/resource-teardown"];

function send(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

/** Ask the host for something; its refusal is an error with a message. */
function ask(method, params) {
  const id = ++asked;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    send({ id, method, params });
  });
}

/** Call a tool of the server; a tool's own refusal is a result with isError. */
function call(name, given) {
  return ask("tools/call", { name, arguments: JSON.parse(JSON.stringify(given)) });
}

function hear({ source, data }) {
  if (source !== window.parent || data?.jsonrpc !== "2.0") return;
  if (data.method === undefined) {
    const { resolve, reject } = waiting.get(data.id) ?? {};
    waiting.delete(data.id);
    if (data.error) reject?.(new Error(data.error.message));
    else resolve?.(data.result);
  } else if (data.id === undefined) {
    HEARD.get(data.method)?.(data.params ?? {});
  } else if (ANSWERED.includes(data.method)) {
    send({ id: data.id, result: {} });
  } else {
    send({
      id: data.id,
      error: { code: METHOD_NOT_FOUND, message: "This app has no such method." },
    });
  }
}

/** Look as the host does: its theme, its colours if it names all that are used, its safe area. */
function follow(changed) {
  context = { ...context, ...changed };
  const root = document.documentElement;
  if (context.theme) root.dataset.theme = context.theme;
  const given = context.styles?.variables ?? {};
  const whole = Object.values(COLOURS).every((name) => given[name]);
  for (const [ours, theirs] of Object.entries({ ...(whole ? COLOURS : {}), ...SHAPES })) {
    if (given[theirs]) root.style.setProperty(ours, given[theirs]);
  }
  for (const [side, pixels] of Object.entries(context.safeAreaInsets ?? {})) {
    root.style.setProperty(`--inset-${side}`, `${Number(pixels)}px`);
  }
}

function tellSize() {
  const { height } = document.documentElement.getBoundingClientRect();
  send({ method: "ui/notifications/size-changed", params: { height: Math.ceil(height) } });
}

async function begin() {
  window.addEventListener("message", hear);
  const { version } = document.body.dataset;
  const host = await ask("ui/initialize", {
    appInfo: { name: "mcp-handoff", version },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    protocolVersion: PROTOCOL,
  });
  can = host.hostCapabilities ?? {};
  follow(host.hostContext ?? {});
  send({ method: "ui/notifications/initialized", params: {} });
  new ResizeObserver(tellSize).observe(document.documentElement);
}

// --- the page -------------------------------------------------------------------------------

const nothing = (value) =>
  value === undefined || value === null || value === "" || value === false || value.length === 0;

/** Put a value into a place: text, nodes, or several of both. */
function put(place, value) {
  place.replaceChildren(...[value].flat().map((one) => (one instanceof Node ? one : String(one))));
}

/** Return a copy of a template, filled in; what there is nothing for is left out. */
function part(name, values) {
  const made = document.getElementById(name).content.firstElementChild.cloneNode(true);
  for (const place of [made, ...made.querySelectorAll("*")]) {
    const { is, if: needed, unless, class: named } = place.dataset;
    if (named && !nothing(values[named])) place.className += ` ${values[named]}`;
    const lacks = (needed ?? is) && nothing(values[needed ?? is]);
    if (lacks || (unless && !nothing(values[unless]))) place.remove();
    else if (is) put(place, values[is]);
  }
  return made;
}

function say(text, kind = "fine") {
  const place = document.getElementById("said");
  place.className = kind;
  place.textContent = text;
}

/** Show the answer of the call that this app was opened for. */
function show(result) {
  const answer = result.structuredContent;
  if (result.isError || !answer) {
    say(answer?.error?.message ?? textOf(result), result.isError ? "wrong" : "text");
    return;
  }
  say("");
  put(document.getElementById("shown"), VIEWS[document.body.dataset.app](answer));
}

function textOf(result) {
  return (result.content ?? []).map((one) => one.text ?? "").join("\n");
}

const words = (name) => name?.replaceAll("_", " ");

/** Return an instant, or a day, as the chat's reader has it. */
function time(instant) {
  if (!instant) return undefined;
  const day = { year: "numeric", month: "short", day: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const isDay = instant.length === "2026-07-28".length;
  const format = isDay
    ? { ...day, timeZone: "UTC" }
    : { ...day, ...clock, timeZone: context.timeZone };
  let shown = instant;
  try {
    shown = new Date(instant).toLocaleString(context.locale, format);
  } catch {
    // a zone or a language that this browser does not know
  }
  const made = part("time", { shown });
  made.dateTime = instant;
  return made;
}

/** Return a value as text; an address of the web as a link that the host opens. */
function shown(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (!can.openLinks || !/^https?:\/\/\S+$/.test(text) || !URL.canParse(text)) return text;
  const link = part("link", {});
  link.href = link.textContent = new URL(text).href;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    ask("ui/open-link", { url: link.href }).catch((error) => say(error.message, "wrong"));
  });
  return link;
}

function evidence(value) {
  if (nothing(value)) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return shown(value);
  const rows = Object.entries(value).map(([name, one]) =>
    part("evidence-row", { name, value: shown(one) }),
  );
  return part("evidence", { rows });
}

function roles(byName) {
  return Object.entries(byName ?? {})
    .filter(([role, status]) => role !== "merged" || status === "done")
    .map(([role, status]) => part("role", { role, status, words: words(status) }));
}

// --- the board ------------------------------------------------------------------------------

function showBoard(answer) {
  const count = (number) => (number > MANY ? `over ${MANY}` : number);
  const waits = [
    ...Object.entries(answer.waits_for ?? {}).map(
      ([role, number]) => `${count(number)} for ${role}`,
    ),
    answer.pending_suggestions && `${count(answer.pending_suggestions)} suggested to close`,
    answer.builds_under_way && `${count(answer.builds_under_way)} being built`,
  ];
  return part("board", {
    project: input.project ?? answer.own_project,
    you: answer.you,
    told: answer.stages ? undefined : answer.message,
    stages: Object.entries(answer.stages ?? {}).map(([name, number]) =>
      part("count", { name: words(name), count: count(number) }),
    ),
    waiting: waits.filter(Boolean).map((text) => part("mark", { text })),
    held: answer.you_hold?.map((one) => part("held", { ...one, over_at: time(one.over_at) })),
    asked: answer.questions?.map((one) => part("question", { ...one, at: time(one.at) })),
    ready: answer.ready?.map(ticketCard),
  });
}

function ticketCard(row) {
  return part("card", {
    ...row,
    type: words(row.type),
    stage: words(row.stage),
    updated: time(row.updated),
    kind: row.blocking && "is-blocking",
    roles: row.waits_for?.map((role) => part("role", { role, words: "to act" })),
  });
}

// --- the suggestions ------------------------------------------------------------------------

function showSuggestions(answer) {
  const cards = answer.suggestions.map((row) => suggestionCard(row, row.ticket, answer.project));
  const made = part("suggestions", { cards, more: answer.next_cursor && can.serverTools });
  const more = made.querySelector(".more");
  more?.addEventListener("click", () => showMore(more, answer.next_cursor));
  return made;
}

/** Put the next page in the place of the button that asks for it. */
async function showMore(button, cursor) {
  button.disabled = true;
  try {
    const result = await call("list_suggestions", { ...input, cursor });
    if (result.isError) throw new Error(result.structuredContent?.error?.message ?? textOf(result));
    const next = showSuggestions(result.structuredContent);
    next.querySelector(".head").remove();
    button.replaceWith(next);
    next.querySelector("h2")?.focus();
  } catch (error) {
    button.disabled = false;
    say(error.message, "wrong");
  }
}

function suggestionCard(row, ticket, project) {
  const [, proof, why] = row.proof?.match(/^(\w+)(.*)$/s) ?? [];
  const pull = row.pr_number && `pull request #${row.pr_number}`;
  const claims = [pull, row.repo && `of ${row.repo}`, row.merge_sha && `as ${row.merge_sha}`];
  const open = row.status === "pending" && row.suggestion_id && can.serverTools;
  const card = part("suggestion", {
    ...row,
    ticket,
    open,
    proof,
    why,
    claims: claims.filter(Boolean).join(" "),
    by: row.suggested_by,
    at: time(row.suggested_at),
    confidence: row.confidence === undefined ? undefined : `${Math.round(row.confidence * 100)} %`,
    settled_at: time(row.settled_at),
    evidence: evidence(row.evidence),
  });
  for (const button of card.querySelectorAll(".decide button")) {
    const about = {
      suggestion_id: row.suggestion_id,
      action: button.value,
      project: projectOf(ticket) ?? project,
    };
    button.addEventListener("click", () => decide(card, about));
  }
  return card;
}

/** Return the project that a ticket's reference names, such as shop in HO-12-shop. */
function projectOf(ticket) {
  return ticket?.match(/^HO-\d+-(.+)$/)?.[1];
}

/** Have the desk execute or decline a suggestion, and tell in its card what came of it. */
async function decide(card, about) {
  const [controls, field, said] = ["fieldset", "input", ".said"].map((one) =>
    card.querySelector(one),
  );
  const reason = field.value.trim();
  const lacks = about.action === "decline" && !reason;
  field.setAttribute("aria-invalid", lacks);
  said.className = lacks ? "said wrong" : "said";
  if (lacks) {
    put(said, "To decline, say why in the reason: what is missing or wrong.");
    field.focus();
    return;
  }
  put(said, "Asking the desk.");
  controls.disabled = true;
  const told = await call("act_on_suggestion", { ...about, reason: reason || undefined }).then(
    outcome,
    unsent,
  );
  if (told.status) put(card.querySelector(".status"), told.status);
  if (told.refused) said.classList.add("wrong");
  if (told.final) controls.remove();
  controls.disabled = false;
  put(said, told.words);
  said.focus();
}

/** Return what act_on_suggestion answered: in words, whether it refused, and whether for good. */
function outcome(result) {
  const { error, message, reason, status } = result.structuredContent ?? {};
  if (result.isError) {
    const final = error?.code === "SUGGESTION_NOT_PENDING";
    return { words: error?.message ?? textOf(result), refused: true, final, status: error?.state };
  }
  const why = status === "skipped" && reason ? ` ${reason}` : "";
  return { words: `${message ?? textOf(result)}${why}`, final: true, status };
}

function unsent(error) {
  return { words: `The chat did not pass it on: ${error.message}`, refused: true };
}

// --- the ticket -----------------------------------------------------------------------------

const TEXTS = {
  description: "Description",
  suggested_resolution: "Suggested resolution",
  implementation_notes: "Implementation notes",
  resolution_note: "Why it was closed",
};

function showTicket(answer) {
  const message = (one) =>
    part("message", { ...one, body: one.body ?? one.note, at: time(one.at) });
  const texts = Object.entries(TEXTS).filter(([field]) => answer[field]);
  return part("ticket", {
    ...answer,
    type: words(answer.type),
    stage: words(answer.stage),
    status: answer.status === "open" ? undefined : words(answer.resolution ?? answer.status),
    by: answer.filed_by,
    at: time(answer.filed_at),
    roles: roles(answer.roles),
    takes: answer.taken?.map((one) => part("take", { ...one, since: time(one.since) })),
    blocked_by: answer.blocked_by?.join(", "),
    blocks: answer.blocks?.join(", "),
    suggestions: answer.suggestions?.map((row) =>
      suggestionCard(row, answer.ticket, input.project),
    ),
    texts: texts.map(([field, name]) => part("text", { name, text: answer[field] })),
    evidence: evidence(answer.evidence),
    notes: answer.notes?.map(message),
    messages: answer.messages?.map(message),
    changes: answer.changes?.map((one) => part("change", one)),
    builds: answer.builds?.map((one) => part("build", { ...one, url: one.url && shown(one.url) })),
  });
}

begin().catch((error) =>
  say(`This page is shown by a chat, and this one did not answer: ${error.message}`, "wrong"),
);
