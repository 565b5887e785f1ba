// The pictures painted in this browser, in IndexedDB: newest first, at most LIMIT of them. Where the
// browser keeps nothing (private windows), the history lasts as long as the page.

const LIMIT = 120;
const STORE = "pictures";

let database = null;
let memory = [];  // newest first

function promised(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase() {
  const request = indexedDB.open("bafa", 1);
  request.onupgradeneeded = () =>
    request.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
  return promised(request);
}

function store(mode) { return database.transaction(STORE, mode).objectStore(STORE); }

export async function openHistory() {
  try {
    database = await openDatabase();
    memory = (await promised(store("readonly").getAll())).reverse();
  } catch (error) {
    console.warn("bafa: this browser keeps no history:", error);
    database = null;
  }
  return memory;
}

export function pictures() { return memory; }

// `picture`: {prompt, seed, size, steps, seconds, created, blob, …}
export async function keep(picture) {
  const kept = { ...picture };
  if (database) kept.id = await promised(store("readwrite").add(kept));
  else kept.id = Date.now() + Math.random();
  memory.unshift(kept);
  for (const old of memory.slice(LIMIT)) await remove(old.id);
  return kept;
}

export async function remove(id) {
  memory = memory.filter((picture) => picture.id !== id);
  if (database) await promised(store("readwrite").delete(id));
}

export async function clear() {
  memory = [];
  if (database) await promised(store("readwrite").clear());
}
