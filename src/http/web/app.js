// The page: paints through POST /v1/jobs, follows the job's events, fetches the pictures, keeps them
// in this browser. One job at a time; a reload takes it up again.

import { followJob, getJson, onKeyNeeded, postJson, request } from "/web/api.js";
import { fillForm, readForm, setLimits, showServerComplaint, startComposer }
  from "/web/composer.js";
import { clear, keep, openHistory } from "/web/history.js";
import { duration, errorText, onLanguage, setLanguage, startLanguage, text } from "/web/i18n.js";
import { allowOpening, showThumbnails, startThumbnails } from "/web/thumbnails.js";
import { setProgress, setStatus, showEmpty, showPictures, showPreview, showWaiting, startStage,
         stopWaiting } from "/web/stage.js";

const STORED_JOB = "bafa.job";
const QUEUE_INTERVAL_MS = 5000;
const node = (id) => document.getElementById(id);

let model = null;
let queue = null;
let job = null;  // the one under way: {id, events_url, …, body}
let sending = false;

function setBusy(busy) {
  node("paint").setAttribute("aria-disabled", String(busy));
  node("cancel").hidden = !busy;
  allowOpening(!busy);
}

// What the GPU tells of itself, as far as it does.
function deviceWords(device) {
  const words = [];
  const gibibytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (device?.memory_total_bytes != null)
    words.push(text("deviceMemory", gibibytes(device.memory_used_bytes),
                    gibibytes(device.memory_total_bytes)));
  if (device?.utilization != null)
    words.push(text("deviceBusy", Math.round(100 * device.utilization)));
  if (device?.temperature_celsius != null) words.push(`${device.temperature_celsius} °C`);
  return words;
}

function showServer() {
  if (!model || !queue) return;
  const words = [text("queueState", model.id, queue.depth, queue.capacity)];
  node("server").textContent = words.concat(deviceWords(queue.device)).join(" · ");
}

async function refreshQueue() {
  if (document.hidden) return;
  queue = await getJson("/v1/queue").catch(() => null);
  showServer();
}

// ---- one job -----------------------------------------------------------------------------------
function onEvent(name, data) {
  if (name === "queued") {
    refreshQueue();
    setStatus(() => {
      if (!data.position) return text("starting");
      const place = data.position === 1 ? text("queuedNext") : text("queued", data.position);
      const eta = data.eta_seconds > 1 ? ` · ${text("about", duration(data.eta_seconds))}` : "";
      return place + eta;
    });
  } else if (name === "started") {
    setStatus(() => text("starting"));
  } else if (name === "step") {
    const { n } = job.body;  // the server counts the steps of all pictures
    const step = Math.ceil(data.step / n);
    const last = data.step === data.steps;
    setStatus(() => (last ? text("finishing") : text("painting", step, data.steps / n)));
    setProgress(data.step / data.steps);
    if (data.preview) showPreview(data.preview);
  }
}

async function fetchPictures(finished) {
  const { body } = job;
  const state = await getJson(finished.status_url);
  const seconds = state.timings.encode_seconds + state.timings.denoise_seconds +
                  state.timings.decode_seconds;
  return Promise.all(Array.from({ length: state.n }, async (_, i) => {
    const response = await request(`${finished.result_url}?index=${i}`,
                                   { headers: { Accept: "image/png" } });
    return {
      prompt: body.prompt,
      negative_prompt: body.negative_prompt,
      guidance_scale: body.guidance_scale,
      seed: response.headers.get("X-Seed"),
      size: state.size,
      steps: state.steps / state.n,
      seconds,
      truncated: state.prompt_truncated,
      created: Date.now(),
      blob: await response.blob(),
    };
  }));
}

async function finish(name, data) {
  if (name === "canceled") {
    stopWaiting();
    setStatus(() => text("canceled"));
  } else if (name !== "succeeded") {
    stopWaiting();
    setStatus(() => errorText(data.error), { error: true });
  } else {
    const painted = await fetchPictures(job);
    showPictures(painted);
    setStatus(() => text(painted[0].truncated ? "truncated" : "done"));
    for (const picture of painted) await keep(picture);
    showThumbnails();
  }
}

async function follow() {
  setBusy(true);
  showWaiting(job.body.n, job.body.size === "auto" ? "1x1" : job.body.size);
  setStatus(() => text("sending"));
  let end = null;
  try {
    await followJob(job.events_url, {
      onEvent: (name, data) => {
        onEvent(name, data);
        end = { name, data };
      },
      onLost: () => setStatus(() => text("reconnecting")),
    });
    await finish(end.name, end.data);
  } catch (error) {
    stopWaiting();
    setStatus(() => errorText(error), { error: true });
  } finally {
    job = null;
    sessionStorage.removeItem(STORED_JOB);
    setBusy(false);
    refreshQueue();
  }
}

async function paint() {
  if (job || sending) return;
  const body = readForm();
  if (!body) return;
  sending = true;
  setStatus(() => text("sending"));
  try {
    job = { ...await postJson("/v1/jobs", body), body };
  } catch (error) {
    const shown = error.status === 400 && showServerComplaint(error);
    setStatus(() => (shown ? "" : errorText(error)), { error: true });
    refreshQueue();
    return;
  } finally {
    sending = false;
  }
  sessionStorage.setItem(STORED_JOB, JSON.stringify(job));
  await follow();
}

async function cancel() {
  if (!job?.cancel_url) return;
  try {
    await postJson(job.cancel_url);
  } catch (error) {
    setStatus(() => errorText(error), { error: true });
  }
}

// ---- start -------------------------------------------------------------------------------------
let asking = null;

// One dialog answers every request that waits for a key.
function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = node("key-dialog");
    node("key").value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      asking = null;
      resolve(dialog.returnValue === "use" ? node("key").value.trim() || null : null);
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// The model, as soon as the server has loaded it.
async function loadModel() {
  for (;;) {
    try {
      [model] = (await getJson("/v1/models")).data;
      setLimits(model.capabilities);
      showEmpty(node("size").value);
      setStatus(() => "");
      return;
    } catch (error) {
      setStatus(() => errorText(error), { error: error.code !== "loading" });
      if (error.status !== 503 && error.status !== 0) return;
      await pause(1000);
    }
  }
}

function listen() {
  node("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    paint();
  });
  node("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) paint();
  });
  node("cancel").addEventListener("click", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !node("key-dialog").open) cancel();
  });
  node("clear").addEventListener("click", async () => {
    if (!window.confirm(text("clearQuestion"))) return;
    await clear();
    showThumbnails();
    node("prompt").focus();
  });
  for (const button of document.querySelectorAll("[data-language]"))
    button.addEventListener("click", () => setLanguage(button.dataset.language));
}

async function start() {
  startComposer();
  startStage(fillForm);
  onLanguage(showServer);
  startThumbnails((picture) => {
    showPictures([picture]);
    setStatus(() => text("picked"));
    node("tiles").scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  startLanguage();
  showEmpty();
  listen();
  onKeyNeeded(askForKey);
  await openHistory();
  showThumbnails();
  await loadModel();
  await refreshQueue();
  setInterval(refreshQueue, QUEUE_INTERVAL_MS);
  const unfinished = sessionStorage.getItem(STORED_JOB);
  if (!unfinished) return;
  job = JSON.parse(unfinished);
  await follow();
}

start();
