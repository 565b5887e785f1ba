// The form: what to paint and how. Its limits are the model's, as /v1/models tells them.

import { errorText, onLanguage, text } from "/web/i18n.js";

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
      withdrawComplaint();
      field("composer").requestSubmit();
    });
    item.append(button);
    return item;
  }));
}

// The fields by the names that the server has for them.
const FIELDS = { prompt: "prompt", negative_prompt: "negative", size: "size", n: "count",
                 steps: "steps", guidance_scale: "guidance", seed: "seed" };

let say = () => "";  // what is wrong with the form, said again when the language changes

function complain(words, id) {
  say = words;
  field("form-error").textContent = words();
  for (const name of Object.values(FIELDS))
    field(name).setAttribute("aria-invalid", String(name === id));
  if (id) field(id).focus();
}

function withdrawComplaint() { complain(() => ""); }

export function startComposer() {
  onLanguage(() => {
    showIdeas();
    field("form-error").textContent = say();
  });
  field("any-seed").addEventListener("click", () => {
    field("seed").value = "";
    field("seed").focus();
  });
  field("composer").addEventListener("input", withdrawComplaint);
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

// Empty is the model's own default.
function checkNumber(id, range, words) {
  const { value, validity } = field(id);
  const number = Number(value);
  const whole = words !== "wholeOutOfRange" || Number.isInteger(number);
  const inRange = !range || (number >= range.min && number <= range.max);
  if (!validity.badInput && (value === "" || (whole && inRange))) return true;
  complain(() => text(words, text(id), range.min, range.max), id);
  return false;
}

// The body of POST /v1/jobs, or null when something is missing (the form says what).
export function readForm() {
  const prompt = field("prompt").value.trim();
  const seed = field("seed").value.trim();
  withdrawComplaint();
  if (!prompt) {
    complain(() => text("promptMissing"), "prompt");
    return null;
  }
  if (!checkNumber("steps", limits?.steps, "wholeOutOfRange")) return null;
  if (limits?.negative_prompt && !checkNumber("guidance", limits.guidance_scale, "outOfRange"))
    return null;
  if (!/^\d{0,15}$/.test(seed)) {
    complain(() => text("seedWrong"), "seed");
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
    if (field("guidance").value !== "") body.guidance_scale = Number(field("guidance").value);
    if (field("negative").value.trim()) body.negative_prompt = field("negative").value.trim();
  }
  return body;
}

// False when the server complains of nothing that this form has.
export function showServerComplaint(error) {
  const id = FIELDS[error.param];
  if (id) complain(() => errorText(error, id === "prompt" ? "" : text(id)), id);
  return Boolean(id);
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
  withdrawComplaint();
  field("prompt").focus();
}
