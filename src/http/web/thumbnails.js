// The history as a row of thumbnails: one opens its picture on the stage, or is removed.

import { pictures, remove } from "/web/history.js";
import { onLanguage, text } from "/web/i18n.js";

const node = (id) => document.getElementById(id);
const items = new Map();  // by picture, so that one already there is not drawn anew

let onOpen = () => {};
let mayOpen = true;

function button(className, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.setAttribute("aria-label", label);
  return made;
}

function makeItem(picture) {
  const item = document.createElement("li");
  const open = button("open", `${text("open")}: ${picture.prompt}`);
  const gone = button("remove", `${text("remove")}: ${picture.prompt}`);
  const image = document.createElement("img");
  image.src = URL.createObjectURL(picture.blob);
  image.alt = "";
  image.loading = "lazy";
  open.title = picture.prompt;
  open.disabled = !mayOpen;
  open.append(image);
  open.addEventListener("click", () => onOpen(picture));
  gone.textContent = "×";
  gone.addEventListener("click", async () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    await remove(picture.id);
    showThumbnails();
    (next?.querySelector(".remove") ?? node("prompt")).focus();
  });
  item.append(open, gone);
  return item;
}

function forget(picture) {
  URL.revokeObjectURL(items.get(picture).querySelector("img").src);
  items.delete(picture);
}

export function showThumbnails() {
  const kept = pictures();
  for (const picture of [...items.keys()]) if (!kept.includes(picture)) forget(picture);
  for (const picture of kept) if (!items.has(picture)) items.set(picture, makeItem(picture));
  node("clear").hidden = kept.length === 0;
  node("thumbnails").replaceChildren(...kept.map((picture) => items.get(picture)));
  if (kept.length > 0) return;
  const words = document.createElement("li");
  words.className = "nothing hint";
  words.textContent = text("historyEmpty");
  node("thumbnails").append(words);
}

// While a picture is being painted the stage is its own.
export function allowOpening(allowed) {
  mayOpen = allowed;
  for (const open of node("thumbnails").querySelectorAll(".open")) open.disabled = !allowed;
}

export function startThumbnails(open) {
  onOpen = open;
  onLanguage(() => {
    for (const picture of [...items.keys()]) forget(picture);
    showThumbnails();
  });
}
