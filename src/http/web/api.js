// The server as the page sees it: requests with the key of this tab, and event streams that survive
// a lost connection. EventSource is not used because it cannot carry a key.

const STORED_KEY = "bafa.key";
const MAX_RECONNECTS = 8;

export class ApiError extends Error {
  constructor(code, message, status, param) {
    super(message);
    this.code = code;
    this.status = status;
    this.param = param;
  }
}

const unreachable = () => new ApiError("network", "The server cannot be reached.", 0);

let askForKey = async () => null;

// `ask` resolves to a key, or to null when the person gives none.
export function onKeyNeeded(ask) { askForKey = ask; }

async function send(path, options = {}) {
  const headers = { ...options.headers };
  const key = sessionStorage.getItem(STORED_KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    return await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

async function errorOf(response) {
  const body = await response.json().catch(() => null);
  const error = body?.error ?? {};
  const message = error.message ?? `${response.status} ${response.statusText}`;
  return new ApiError(error.code ?? "http", message, response.status, error.param);
}

export async function request(path, options = {}) {
  for (;;) {
    const response = await send(path, options);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (response.status !== 401) throw error;
    const key = await askForKey();
    if (!key) throw error;
    sessionStorage.setItem(STORED_KEY, key);
  }
}

export async function getJson(path) { return (await request(path)).json(); }

export async function postJson(path, body) {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  return response.json();
}

// The events of one response, as {id, name, data}.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const event = parseEvent(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (event) yield event;
    }
  }
}

function parseEvent(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (!event.data) return null;  // a heartbeat
  return { id: event.id, name: event.event, data: JSON.parse(event.data) };
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const ENDS = new Set(["succeeded", "failed", "canceled", "expired"]);

// Calls onEvent(name, data) until the job has ended; takes up the stream again where it broke.
export async function followJob(eventsUrl, { onEvent, onLost, signal }) {
  let lastId;
  for (let lost = 0; ; ++lost) {
    try {
      const headers = { Accept: "text/event-stream" };
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await request(eventsUrl, { headers, signal });
      for await (const event of eventsOf(response)) {
        lost = 0;
        lastId = event.id ?? lastId;
        onEvent(event.name, event.data);
        if (ENDS.has(event.name)) return;
      }
    } catch (error) {
      const passing = error.status === 0 || error.status === 503 || error instanceof TypeError;
      if (!passing) throw error;
    }
    if (lost >= MAX_RECONNECTS) throw unreachable();
    onLost();
    await pause(Math.min(5000, 250 * 2 ** lost));
  }
}
