"use strict";
// Lists the operations of /openapi.json with a form to try each. Nothing is loaded from elsewhere; text only ever becomes
// text nodes.

const el = (tag, props, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
};

const audiences = { officer: "村镇干部", merchant: "商户", villager: "村民", stranger: "未登录者" };

const resolve = (spec, schema) => {
  let s = schema;
  for (let i = 0; s && s.$ref && i < 20; i++) s = spec.components.schemas[s.$ref.split("/").pop()];
  return s || {};
};

// newKey works on plain http too, where crypto.randomUUID is missing.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

const kindOf = (s) => (Array.isArray(s.type) ? s.type.find((t) => t !== "null") : s.type);

// sample is a body to start from: required parts and those with examples.
const sample = (spec, schema, depth) => {
  const s = resolve(spec, schema);
  if (s.examples && s.examples.length) return s.examples[0];
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  switch (kindOf(s)) {
    case "object": {
      const out = {};
      if (depth > 5) return out;
      for (const [name, p] of Object.entries(s.properties || {})) {
        if ((s.required || []).includes(name) || (p.examples && p.examples.length)) out[name] = sample(spec, p, depth + 1);
      }
      return out;
    }
    case "array": return depth > 5 ? [] : [sample(spec, s.items || {}, depth + 1)];
    case "number": case "integer": return 1;
    case "boolean": return false;
    default: return s.format === "date" ? new Date().toISOString().slice(0, 10) : "";
  }
};

const shape = (spec, schema, indent, seen) => {
  const s = resolve(spec, schema);
  const note = s.description || (schema && schema.description) || "";
  const tail = note ? "  // " + note : "";
  const pad = "  ".repeat(indent);
  if (schema && schema.$ref) {
    if (seen.includes(schema.$ref)) return "…" + tail;
    seen = [...seen, schema.$ref];
  }
  if (kindOf(s) === "object" && s.properties) {
    const lines = Object.entries(s.properties).map(([name, p]) => {
      const mark = (s.required || []).includes(name) ? "" : "?";
      return `${pad}  ${name}${mark}: ${shape(spec, p, indent + 1, seen)}`;
    });
    return "{\n" + lines.join("\n") + `\n${pad}}`;
  }
  if (kindOf(s) === "array") return "[" + shape(spec, s.items || {}, indent, seen) + "]" + tail;
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ") + tail;
  return (kindOf(s) || "任意") + (s.format ? `(${s.format})` : "") + tail;
};

const send = async (op, path, inputs, out) => {
  let url = path;
  const query = new URLSearchParams();
  const headers = { Accept: "application/json" };
  for (const { p, input } of inputs.params) {
    const v = input.value.trim();
    if (p.in === "path") url = url.replace(`{${p.name}}`, encodeURIComponent(v));
    else if (v !== "" && p.in === "query") query.set(p.name, v);
    else if (v !== "" && p.in === "header") headers[p.name] = v;
  }
  const token = document.getElementById("token").value.trim();
  if (op.security && token) headers.Authorization = "Bearer " + token;
  let body;
  if (inputs.file) {
    body = new FormData();
    if (inputs.file.files[0]) body.append("file", inputs.file.files[0]);
  } else if (inputs.body) {
    headers["Content-Type"] = "application/json";
    body = inputs.body.value;
  }
  out.textContent = "正在等待……";
  try {
    const q = query.toString();
    const r = await fetch(url + (q ? "?" + q : ""), { method: inputs.method, headers, body });
    const kind = r.headers.get("Content-Type") || "";
    if (r.status !== 204 && !kind.includes("json")) {
      const link = el("a", { href: URL.createObjectURL(await r.blob()), download: "download", textContent: "保存文件" });
      out.replaceChildren(`${r.status} ${kind} `, link);
      return;
    }
    const text = await r.text();
    let shown = text;
    try {
      const data = JSON.parse(text);
      shown = JSON.stringify(data, null, 2);
      if (r.ok && data.access_token) document.getElementById("token").value = data.access_token;
    } catch (_) { /* shown as it came */ }
    out.textContent = `${r.status}\n${shown}`;
  } catch (e) {
    out.textContent = "请求没有发出去：" + e.message;
  }
};

const form = (spec, path, method, op) => {
  const inputs = { method: method.toUpperCase(), params: [] };
  const parts = [];
  for (const p of op.parameters || []) {
    const value = p.name === "Idempotency-Key" ? newKey() : "";
    const input = el("input", { value, placeholder: p.schema && p.schema.default !== undefined ? String(p.schema.default) : "" });
    inputs.params.push({ p, input });
    const note = p.description || (p.schema && p.schema.description) || "";
    parts.push(el("label", { className: "field" }, `${p.name}${p.required ? "（必填）" : ""} `, input, note ? ` ${note}` : ""));
  }
  const content = op.requestBody && op.requestBody.content;
  if (content && content["multipart/form-data"]) {
    inputs.file = el("input", { type: "file" });
    parts.push(el("label", { className: "field" }, "文件 ", inputs.file));
  } else if (content && content["application/json"]) {
    const schema = content["application/json"].schema;
    inputs.body = el("textarea", { value: JSON.stringify(sample(spec, schema, 0), null, 2), ariaLabel: "请求内容" });
    parts.push(el("p", {}, "请求内容："), el("pre", { textContent: shape(spec, schema, 0, []) }), inputs.body);
  }
  const out = el("pre", { ariaLive: "polite" });
  const button = el("button", { type: "button", textContent: "试一试" });
  button.addEventListener("click", () => send(op, path, inputs, out));
  const ok = op.responses && op.responses["200"] && op.responses["200"].content;
  const answer = ok && ok["application/json"] ? shape(spec, ok["application/json"].schema, 0, []) : "";
  return el("div", {},
    op.description ? el("p", { textContent: op.description }) : null,
    ...parts,
    answer ? el("p", {}, "回答：") : null, answer ? el("pre", { textContent: answer }) : null,
    el("p", {}, button), out);
};

const card = (spec, path, method, op) => {
  const who = (op["x-audience"] || []).map((a) => audiences[a] || a).join("、");
  const details = el("details", {},
    el("summary", {},
      el("span", { className: "method", textContent: method.toUpperCase() }),
      el("span", { className: "path", textContent: path }), " ",
      el("strong", { textContent: op.summary || "" }), " ",
      el("span", { className: "who", textContent: `${who} · ${op["x-permission"]}` })));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(form(spec, path, method, op));
  });
  details.dataset.words = [path, op.operationId, op.summary, op["x-permission"], who].join(" ").toLowerCase();
  return details;
};

const show = (spec) => {
  document.getElementById("about").textContent = spec.info.description || "";
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      const tag = (op.tags && op.tags[0]) || "其他";
      if (!groups.has(tag)) groups.set(tag, el("section", {}, el("h2", { textContent: tag })));
      groups.get(tag).append(card(spec, path, method, op));
    }
  }
  document.getElementById("operations").replaceChildren(...groups.values());
  document.getElementById("search").addEventListener("input", (e) => {
    const words = e.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const d of document.querySelectorAll("details")) d.hidden = !words.every((w) => d.dataset.words.includes(w));
    for (const s of document.querySelectorAll("section")) s.hidden = !s.querySelector("details:not([hidden])");
  });
};

fetch("/openapi.json").then((r) => r.json()).then(show).catch((e) => {
  document.getElementById("operations").textContent = "读取失败，请刷新页面：" + e.message;
});
