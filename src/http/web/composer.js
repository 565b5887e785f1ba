// The form: what to paint and how. Its limits are the model's, as /v1/models tells them.

import { onLanguage, text } from "/web/i18n.js";

const field = (id) => document.getElementById(id);
const RATIOS = [[1, 1], [4, 3], [3, 4], [3, 2], [2, 3], [16, 9], [9, 16]];

let limits = null;

function option(value, label) {
  const node = document.createElement("option");
  node.value = value;
  node.textContent = label;
  return node;
}

// Sizes of about the default's area in the usual proportions, as far as the model allows them.
function sizesOf(model) {
  const { width, height, size_multiple: multiple, max_pixels: maxPixels } = model;
  const area = width.default * height.default;
  const sizes = new Map([[`${width.default}x${height.default}`, area]]);
  const fits = (side, range) => side >= range.min && side <= range.max;
  for (const [x, y] of RATIOS) {
    for (const scale of [0.25, 0.5, 1, 2, 4]) {
      const unit = Math.sqrt((area * scale) / (x * y));
      const w = Math.round((unit * x) / multiple) * multiple;
      const h = Math.round((unit * y) / multiple) * multiple;
      const allowed = !maxPixels || w * h <= maxPixels;
      if (allowed && fits(w, width) && fits(h, height)) sizes.set(`${w}x${h}`, w * h);
    }
  }
  return [...sizes.keys()];
}

function setNumber(id, range) {
  const node = field(id);
  node.min = range.min;
  node.max = range.max;
  node.value = range.default;
  node.disabled = range.min === range.max;
}

function showIdeas() {
  field("ideas").replaceChildren(...text("ideaList").map((idea) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = idea;
    button.addEventListener("click", () => {
      field("prompt").value = idea;
      complain("");
      field("composer").requestSubmit();
    });
    item.append(button);
    return item;
  }));
}

function complain(message, id = "prompt") {
  field("prompt-error").textContent = message;
  for (const name of ["prompt", "seed"])
    field(name).setAttribute("aria-invalid", String(message !== "" && name === id));
  if (message) field(id).focus();
}

export function startComposer() {
  onLanguage(showIdeas);
  field("any-seed").addEventListener("click", () => {
    field("seed").value = "";
    field("seed").focus();
  });
  field("prompt").addEventListener("input", () => complain(""));
  field("seed").addEventListener("input", () => complain(""));
  const apple = navigator.platform.startsWith("Mac") || navigator.platform.startsWith("iP");
  field("paint-key").textContent = apple ? "⌘ ↵" : "Ctrl ↵";
}

export function setLimits(capabilities) {
  limits = capabilities;
  const sizes = sizesOf(limits);
  field("size").replaceChildren(
    ...sizes.map((size) => option(size, size.replace("x", " × "))));
  field("size").disabled = sizes.length === 1;
  const counts = [];
  for (let n = limits.n.min; n <= limits.n.max; ++n) counts.push(option(n, n));
  field("count").replaceChildren(...counts);
  setNumber("steps", limits.steps);
  setNumber("guidance", limits.guidance_scale);
  field("guidance-field").hidden = !limits.negative_prompt;
  field("negative-field").hidden = !limits.negative_prompt;
}

// The body of POST /v1/jobs, or null when something is missing (the form says what).
export function readForm() {
  const prompt = field("prompt").value.trim();
  const seed = field("seed").value.trim();
  if (!prompt) {
    complain(text("promptMissing"));
    return null;
  }
  if (!/^\d{0,15}$/.test(seed)) {
    complain(text("seedWrong"), "seed");
    return null;
  }
  const body = {
    prompt,
    size: field("size").value || "auto",
    n: Number(field("count").value) || 1,
    partial_images: limits?.previews ? 3 : 0,
    output_format: "png",
  };
  if (field("steps").value !== "") body.steps = Number(field("steps").value);
  if (seed !== "") body.seed = Number(seed);
  if (limits?.negative_prompt) {
    body.guidance_scale = Number(field("guidance").value);
    if (field("negative").value.trim()) body.negative_prompt = field("negative").value.trim();
  }
  return body;
}

export function showServerComplaint(message, param) {
  const ids = { prompt: "prompt", seed: "seed" };
  complain(message, ids[param] ?? "prompt");
}

// Fills the form with what a picture was painted with.
export function fillForm(picture) {
  field("prompt").value = picture.prompt;
  field("seed").value = picture.seed;
  field("steps").value = picture.steps;
  field("count").value = limits?.n.min ?? 1;
  if ([...field("size").options].some((one) => one.value === picture.size))
    field("size").value = picture.size;
  if (picture.guidance_scale !== undefined) field("guidance").value = picture.guidance_scale;
  field("negative").value = picture.negative_prompt ?? "";
  complain("");
  field("prompt").focus();
}
