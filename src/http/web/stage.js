// The stage: the pictures of the moment, how far they are, and the facts of the finished ones.

import { duration, onLanguage, text } from "/web/i18n.js";

const node = (id) => document.getElementById(id);

let say = () => "";       // the status line, said again when the language changes
let shown = [];           // finished pictures on the stage
let selected = 0;
let addresses = [];       // of blobs on the stage, to be revoked
let onAgain = () => {};

export function startStage(again) {
  onAgain = again;
  onLanguage(() => {
    node("status").textContent = say();
    if (shown.length) showFacts();
    if (!node("tiles").childElementCount || node("tiles").querySelector(".empty")) showEmpty();
  });
  node("again").addEventListener("click", () => onAgain(shown[selected]));
}

export function setStatus(words, { error = false } = {}) {
  say = words;
  node("status").textContent = words();
  node("status").classList.toggle("error", error);
}

function address(blob) {
  const url = URL.createObjectURL(blob);
  addresses.push(url);
  return url;
}

function clearStage(count) {
  for (const url of addresses) URL.revokeObjectURL(url);
  addresses = [];
  shown = [];
  selected = 0;
  node("facts").hidden = true;
  node("tiles").dataset.count = count;
  node("tiles").replaceChildren();
}

function makeTile(kind, size) {
  const tile = document.createElement(kind);
  tile.className = "tile";
  tile.style.aspectRatio = size.replace("x", " / ");
  return tile;
}

export function showEmpty(size = "1x1") {
  clearStage(1);
  const tile = makeTile("div", size);
  const words = document.createElement("p");
  words.className = "empty";
  words.textContent = text("emptyStage");
  tile.append(words);
  node("tiles").append(tile);
}

export function showWaiting(count, size) {
  clearStage(count);
  for (let i = 0; i < count; ++i) {
    const tile = makeTile("div", size);
    tile.classList.add("waiting");
    node("tiles").append(tile);
  }
  node("tiles").setAttribute("aria-busy", "true");
  setProgress(null);
  node("tiles").parentElement.scrollIntoView({ block: "nearest" });
}

// null: not begun, which shows as a bar that does not know its length.
export function setProgress(fraction) {
  const bar = node("progress");
  bar.hidden = false;
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction;
}

export function showPreview({ image_index: index, b64_json: picture, output_format: format }) {
  const tile = node("tiles").children[index];
  if (!tile?.classList.contains("waiting") && !tile?.classList.contains("preview")) return;
  const image = document.createElement("img");
  image.alt = "";
  image.src = `data:image/${format};base64,${picture}`;
  tile.classList.add("preview");
  tile.replaceChildren(image);
}

function endWaiting() {
  node("progress").hidden = true;
  node("tiles").setAttribute("aria-busy", "false");
}

export function stopWaiting() {
  endWaiting();
  for (const tile of node("tiles").children) tile.classList.remove("waiting");
  if (!node("tiles").querySelector("img")) showEmpty();
}

export function showPictures(pictures) {
  clearStage(pictures.length);
  endWaiting();
  shown = pictures;
  pictures.forEach((picture, i) => {
    const several = pictures.length > 1;
    const tile = makeTile(several ? "button" : "div", picture.size);
    const image = document.createElement("img");
    image.src = address(picture.blob);
    image.alt = several ? text("pictureNumber", i + 1, pictures.length, picture.prompt)
                        : text("pictureOf", picture.prompt);
    tile.append(image);
    if (several) {
      tile.type = "button";
      tile.addEventListener("click", () => select(i));
    }
    node("tiles").append(tile);
  });
  select(0);
}

function select(index) {
  selected = index;
  [...node("tiles").children].forEach((tile, i) => {
    if (tile.tagName === "BUTTON") tile.setAttribute("aria-pressed", String(i === index));
  });
  showFacts();
}

function fact(name, value) {
  const group = document.createElement("div");
  const term = document.createElement("dt");
  const detail = document.createElement("dd");
  term.textContent = name;
  detail.textContent = value;
  group.append(term, detail);
  return group;
}

function showFacts() {
  const picture = shown[selected];
  const facts = [
    fact(text("factSeed"), picture.seed),
    fact(text("factSize"), picture.size.replace("x", " × ")),
    fact(text("factSteps"), picture.steps),
  ];
  node("caption").textContent = picture.prompt;
  if (picture.seconds) facts.push(fact(text("factTime"), duration(picture.seconds)));
  node("fact-list").replaceChildren(...facts);
  const link = node("download");
  link.href = node("tiles").children[selected].querySelector("img").src;
  link.download = `bafa-${picture.seed}.png`;
  node("facts").hidden = false;
}
