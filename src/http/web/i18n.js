// Every word of the page, in English and Chinese, and the switch between them.

const WORDS = {
  en: {
    skip: "Skip to the prompt",
    language: "Language",
    prompt: "What shall I paint?",
    promptHint: "A few words, in English or Chinese",
    ideas: "Ideas",
    ideaList: ["a red apple", "a cat wearing a hat", "a blue rocket", "two yellow stars"],
    negative: "Leave out",
    size: "Size",
    count: "Pictures",
    steps: "Steps",
    guidance: "Guidance",
    seed: "Seed",
    seedHint: "any",
    anySeed: "Any seed",
    paint: "Paint",
    cancel: "Cancel",
    picture: "Picture",
    progress: "Progress",
    download: "Download",
    again: "Use these settings",
    history: "History",
    historyHint: "Kept in this browser only.",
    historyEmpty: "Pictures that you paint will be kept here.",
    clear: "Clear",
    clearQuestion: "Remove all pictures from this browser's history?",
    remove: "Remove from history",
    open: "Show",
    keyTitle: "This server asks for a key",
    keyHint: "It stays in this tab and is sent to this server only.",
    key: "API key",
    useKey: "Continue",
    emptyStage: "Your picture will appear here.",
    sending: "Sending …",
    queuedNext: "Next in line",
    queued: (position) => `Number ${position} in line`,
    about: (time) => `about ${time}`,
    starting: "Reading the prompt …",
    painting: (step, steps) => `Painting, step ${step} of ${steps}`,
    finishing: "Developing the picture …",
    done: "Done.",
    canceled: "Cancelled.",
    reconnecting: "Connection lost, trying again …",
    picked: "From the history",
    pictureOf: (prompt) => `Picture: ${prompt}`,
    pictureNumber: (i, n, prompt) => `Picture ${i} of ${n}: ${prompt}`,
    truncated: "The prompt was longer than the model reads; its end was left out.",
    seconds: (s) => `${s} s`,
    minutes: (m) => `${m} min`,
    hours: (h) => `${h} h`,
    queueState: (model, depth, capacity) => `${model} · ${depth} of ${capacity} waiting`,
    deviceMemory: (used, total) => `GPU memory ${used} of ${total}`,
    deviceBusy: (percent) => `${percent} % busy`,
    factSeed: "Seed",
    factSize: "Size",
    factSteps: "Steps",
    factTime: "Time",
    promptMissing: "Write what to paint first.",
    seedWrong: "The seed is a whole number from 0 up, or empty.",
    outOfRange: (name, min, max) => `${name}: a number from ${min} to ${max}.`,
    wholeOutOfRange: (name, min, max) => `${name}: a whole number from ${min} to ${max}.`,
    ofField: (name, message) => `${name}: ${message}`,
    errors: {
      network: "The server cannot be reached.",
      invalid_api_key: "The key is not accepted.",
      queue_full: "Too many pictures are waiting. Try again in a moment.",
      tenant_limit: "You have as many pictures under way as your key allows.",
      rate_limited: "Too many requests. Try again in a moment.",
      loading: "The model is still being loaded. Try again in a moment.",
      draining: "The server is stopping. Try again later.",
      queue_timeout: "The picture waited too long and was not started.",
      job_expired: "The picture is no longer kept by the server.",
      job_not_found: "The server does not know this picture any more.",
    },
  },
  zh: {
    skip: "跳到提示词",
    language: "语言",
    prompt: "画点什么？",
    promptHint: "用几个词描述，中文或英文",
    ideas: "灵感",
    ideaList: ["一个红苹果", "一只戴帽子的猫", "一枚蓝色的火箭", "两颗黄色的星星"],
    negative: "不要出现",
    size: "尺寸",
    count: "张数",
    steps: "步数",
    guidance: "引导强度",
    seed: "种子",
    seedHint: "随机",
    anySeed: "随机种子",
    paint: "开始画",
    cancel: "取消",
    picture: "图片",
    progress: "进度",
    download: "下载",
    again: "沿用这些设置",
    history: "历史",
    historyHint: "只保存在这个浏览器里。",
    historyEmpty: "画好的图片会留在这里。",
    clear: "清空",
    clearQuestion: "从这个浏览器的历史中删除所有图片？",
    remove: "从历史中删除",
    open: "查看",
    keyTitle: "这台服务器需要密钥",
    keyHint: "密钥只留在这个标签页，只发送给这台服务器。",
    key: "API 密钥",
    useKey: "继续",
    emptyStage: "图片会出现在这里。",
    sending: "正在提交……",
    queuedNext: "下一个就是你",
    queued: (position) => `排在第 ${position} 位`,
    about: (time) => `约 ${time}`,
    starting: "正在读提示词……",
    painting: (step, steps) => `正在画，第 ${step} 步，共 ${steps} 步`,
    finishing: "正在显影……",
    done: "画好了。",
    canceled: "已取消。",
    reconnecting: "连接中断，正在重试……",
    picked: "来自历史",
    pictureOf: (prompt) => `图片：${prompt}`,
    pictureNumber: (i, n, prompt) => `第 ${i} 张，共 ${n} 张：${prompt}`,
    truncated: "提示词超过了模型能读的长度，末尾部分没有用上。",
    seconds: (s) => `${s} 秒`,
    minutes: (m) => `${m} 分钟`,
    hours: (h) => `${h} 小时`,
    queueState: (model, depth, capacity) => `${model} · 排队 ${depth} / ${capacity}`,
    deviceMemory: (used, total) => `显存 ${used} / ${total}`,
    deviceBusy: (percent) => `占用 ${percent} %`,
    factSeed: "种子",
    factSize: "尺寸",
    factSteps: "步数",
    factTime: "用时",
    promptMissing: "先写下要画什么。",
    seedWrong: "种子是不小于 0 的整数，也可以留空。",
    outOfRange: (name, min, max) => `${name}：${min} 到 ${max} 之间的数。`,
    wholeOutOfRange: (name, min, max) => `${name}：${min} 到 ${max} 之间的整数。`,
    ofField: (name, message) => `${name}：${message}`,
    errors: {
      network: "连不上服务器。",
      invalid_api_key: "密钥无效。",
      queue_full: "排队的图片太多了，请稍后再试。",
      tenant_limit: "你正在画的图片已经达到密钥允许的数量。",
      rate_limited: "请求太频繁，请稍后再试。",
      loading: "模型还在加载，请稍后再试。",
      draining: "服务器正在停止，请稍后再试。",
      queue_timeout: "等待太久，这张图没有开始画。",
      job_expired: "服务器已不再保存这张图片。",
      job_not_found: "服务器已不认识这张图片。",
      invalid_value: "有一项设置不在允许的范围内。",
      unsupported_size: "这个尺寸不受支持。",
      too_many_images: "一次要的图片太多了。",
      prompt_too_long: "提示词太长了。",
      generation_failed: "这张图没有画成。",
      internal: "服务器出错了。",
    },
  },
};

const STORED = "bafa.language";
let current = "en";
const listeners = [];

export function language() { return current; }

export function text(name, ...values) {
  const word = WORDS[current][name];
  return typeof word === "function" ? word(...values) : word;
}

// The page's own words for an error where it has some, with the name of the field that is wrong;
// else the server's sentence, which names it.
export function errorText(error, fieldName) {
  const words = WORDS[current].errors[error.code];
  if (!words) return error.message;
  return fieldName ? text("ofField", fieldName, words) : words;
}

export function duration(seconds) {
  if (seconds < 10) return text("seconds", Math.max(0.1, seconds).toFixed(1));
  if (seconds < 90) return text("seconds", Math.round(seconds));
  if (seconds < 90 * 60) return text("minutes", Math.round(seconds / 60));
  return text("hours", Math.round(seconds / 3600));
}

export function onLanguage(listener) { listeners.push(listener); }

export function setLanguage(name) {
  current = name;
  localStorage.setItem(STORED, name);
  apply();
}

export function startLanguage() {
  const wanted = localStorage.getItem(STORED) ?? navigator.language ?? "en";
  current = wanted.startsWith("zh") ? "zh" : "en";
  apply();
}

function apply() {
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
  for (const node of document.querySelectorAll("[data-text]"))
    node.textContent = text(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", text(node.dataset.label));
  for (const node of document.querySelectorAll("[data-title]"))
    node.title = text(node.dataset.title);
  for (const node of document.querySelectorAll("[data-placeholder]"))
    node.placeholder = text(node.dataset.placeholder);
  for (const button of document.querySelectorAll("[data-language]"))
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  for (const listener of listeners) listener();
}
