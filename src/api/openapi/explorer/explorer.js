// The page /docs/api: reads /openapi.json, shows each operation, and sends requests with the session of the browser.

const METHODS = ["get", "post", "put", "patch", "delete"];
const byId = (id) => document.getElementById(id);
let api;
let operations = new Map(); // by operationId

// Text only ever becomes text: nothing here writes HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

function resolved(part) {
  while (part?.$ref) part = part.$ref.slice(2).split("/").reduce((found, step) => found[step], api);
  return part;
}

// --- the session of the browser
const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

function proof() {
  const token = cookie("csrftoken");
  return token ? { "X-Csrf-Token": token } : {};
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

async function showWho() {
  const answer = await fetch("/id/");
  const name = answer.ok ? (await answer.json()).name : undefined;
  byId("who").textContent = name ? `Signed in as ${name}` : "";
  byId("signed-in").hidden = !name;
  byId("sign-in").hidden = Boolean(name);
}

async function signIn(event) {
  event.preventDefault();
  const answer = await fetch("/login_submit", { method: "POST", body: new URLSearchParams(new FormData(event.target)) });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return notice(told.errors?.[0]?.message ?? `The login was refused: ${answer.status}`);
  notice(told.mustChangePassword ? "Change the password first, by changePassword: until then other requests are refused." : "");
  event.target.reset();
  await showWho();
}

async function signOut() {
  await fetch("/id/logout", { method: "POST", headers: proof() });
  await showWho();
}

// --- what a schema says
function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.oneOf || schema.anyOf) return (schema.oneOf ?? schema.anyOf).map((one) => typeOf(resolved(one))).join(" or ");
  const types = [schema.type ?? "anything"].flat().map((type) => (type === "array" ? `list of ${typeOf(resolved(schema.items ?? {}))}` : type));
  return types.join(" or ") + (schema.format ? ` (${schema.format})` : "");
}

function limits(schema) {
  const words = [];
  if (schema.minimum !== undefined) words.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) words.push(`to ${schema.maximum}`);
  if (schema.maxLength !== undefined) words.push(`at most ${schema.maxLength} characters`);
  if (schema.default !== undefined) words.push(`else ${JSON.stringify(schema.default)}`);
  return words.join(", ");
}

const isList = (schema) => [schema.type].flat().includes("array");

// The properties of an object, or of the objects in a list, one level at a time: schemas may contain themselves.
function fields(schema) {
  schema = resolved(schema);
  if (isList(schema)) return fields(schema.items ?? {});
  const parts = [schema, ...(schema.allOf ?? []).map(resolved)];
  const properties = parts.flatMap((part) => Object.entries(part.properties ?? {}));
  if (!properties.length) return undefined;
  const required = new Set(parts.flatMap((part) => part.required ?? []));
  return element("ul", { class: "schema" }, ...properties.map(([name, given]) => {
    const property = resolved(given);
    const line = [element("code", { class: required.has(name) ? "required" : undefined }, name), " ",
      element("span", { class: "type" }, typeOf(property)), " ",
      element("span", { class: "soft" }, [given.description ?? property.description, limits(property)].filter(Boolean).join(" · "))];
    const inner = resolved(isList(property) ? property.items ?? {} : property);
    if (!inner.properties && !inner.allOf) return element("li", {}, ...line);
    const more = element("details", { ontoggle: () => more.open && more.childElementCount === 1 && more.append(fields(inner)) },
      element("summary", {}, ...line));
    return element("li", {}, more);
  }));
}

// --- one operation
function inputFor(parameter) {
  const schema = resolved(parameter.schema ?? {});
  const given = { "data-name": parameter.name, "data-in": parameter.in, "aria-label": parameter.name, required: parameter.required };
  if (schema.enum) return element("select", given, element("option", { value: "" }, ""), ...schema.enum.map((value) => element("option", {}, String(value))));
  return element("input", { ...given, placeholder: schema.default ?? "", value: parameter.example });
}

function parameterRows(operation) {
  return operation.parameters.map((parameter) => element("tr", {},
    element("td", {}, element("code", { class: parameter.required ? "required" : undefined }, parameter.name),
      element("div", { class: "soft" }, `in ${parameter.in}`)),
    element("td", {}, inputFor(parameter)),
    element("td", {}, parameter.description ?? "", " ", element("span", { class: "type" }, typeOf(resolved(parameter.schema ?? {}))), " ",
      element("span", { class: "soft" }, limits(resolved(parameter.schema ?? {}))))));
}

function responses(operation) {
  return Object.entries(operation.responses).map(([status, given]) => {
    const response = resolved(given);
    const schema = Object.values(response.content ?? {})[0]?.schema;
    const title = [element("span", { class: `status ${status < 400 ? "good" : "bad"}` }, status), " ", response.description ?? ""];
    if (!schema) return element("details", {}, element("summary", {}, ...title), element("p", { class: "soft" }, "Without a body."));
    return element("details", {}, element("summary", {}, ...title),
      element("p", { class: "soft" }, `${Object.keys(response.content).join(", ")}: `, element("span", { class: "type" }, typeOf(resolved(schema)))),
      fields(schema) ?? "");
  });
}

function request(operation, main) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const input of main.querySelectorAll("[data-name]")) {
    const { name, in: place } = input.dataset;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (input.value && place === "query") query.append(name, input.value);
    else if (input.value && place === "header") headers[name] = input.value;
  }
  const body = main.querySelector("textarea")?.value || undefined;
  if (body) headers["Content-Type"] = operation.bodyType;
  return { url: path + (query.size ? `?${query}` : ""), method: operation.method.toUpperCase(), headers, body };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function asCurl({ url, method, headers, body }) {
  const parts = ["curl -u USER", ...(method === "GET" ? [] : [`-X ${method}`]),
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`), ...(body ? [`--data-raw ${quoted(body)}`] : [])];
  return `${parts.join(" ")} ${quoted(location.origin + url)}`;
}

// A body that does not end (a stream of events) is shown as it comes, up to this much.
const SHOWN_CHARACTERS = 200_000;

async function show(answer, into) {
  const pretty = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
  let text = "";
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader && text.length < SHOWN_CHARACTERS) {
    const { value, done } = await reader.read().catch(() => ({ done: true })); // stopped, or the connection ended
    if (done) break;
    text += value;
    if (!pretty) into.textContent = text;
  }
  if (text.length >= SHOWN_CHARACTERS) await reader.cancel();
  try {
    into.textContent = pretty ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    into.textContent = text;
  }
  into.hidden = !text;
}

async function send(operation, main, result, buttons) {
  const missing = [...main.querySelectorAll("[data-name][required]")].find((input) => !input.value);
  if (missing) return missing.focus();
  const wanted = request(operation, main);
  const stop = new AbortController();
  buttons.stop.onclick = () => stop.abort();
  result.replaceChildren();
  buttons.send.disabled = true;
  buttons.stop.hidden = false;
  const began = performance.now();
  const body = element("pre", { tabindex: 0, "aria-label": "Body of the answer" });
  try {
    const answer = await fetch(wanted.url, { ...wanted, headers: { ...wanted.headers, ...proof() }, signal: stop.signal });
    const fieldsShown = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    result.replaceChildren(
      element("div", { class: "bar" }, element("span", { class: `status ${answer.ok ? "good" : "bad"}` }, `${answer.status} ${answer.statusText}`),
        element("span", { class: "soft" }, `${Math.round(performance.now() - began)} ms`)),
      element("details", {}, element("summary", {}, "Headers"), element("pre", {}, fieldsShown)), body);
    await show(answer, body);
  } catch (error) {
    result.replaceChildren(element("p", { class: "soft" }, stop.signal.aborted ? "Stopped." : `No answer: ${error.message}`));
  }
  buttons.send.disabled = false;
  buttons.stop.hidden = true;
  await showWho();
}

function showOperation(operation) {
  const main = byId("main");
  const result = element("div", { "aria-live": "polite" });
  const curl = element("pre", { hidden: true });
  const buttons = { send: element("button", { class: "send" }, "Send"), stop: element("button", { hidden: true }, "Stop") };
  const content = Object.entries(resolved(operation.requestBody)?.content ?? {})[0];
  const heading = (text) => element("h2", {}, text);
  const parts = [element("h1", {}, operation.summary),
    element("div", { class: "path" }, element("span", { class: `method ${operation.method}` }, operation.method), operation.path),
    element("p", {}, operation.description)];
  if (operation.parameters.length) parts.push(heading("Parameters"), element("table", {}, element("tbody", {}, ...parameterRows(operation))));
  if (content) {
    const [type, { schema, example }] = content;
    const text = typeof example === "string" ? example : JSON.stringify(example ?? {}, null, 2);
    operation.bodyType = type;
    parts.push(heading(`Body: ${type}`), element("textarea", { spellcheck: "false", "aria-label": "Body" }, text), fields(schema) ?? "");
  }
  const copy = element("button", { onclick: () => {
    curl.hidden = !curl.hidden;
    curl.textContent = asCurl(request(operation, main));
  } }, "As curl");
  buttons.send.addEventListener("click", () => send(operation, main, result, buttons));
  parts.push(element("div", { class: "bar" }, buttons.send, buttons.stop, copy), curl, result, heading("Answers"), ...responses(operation));
  main.replaceChildren(...parts);
  document.title = `${operation.summary} · API of this registry`;
}

function showOverview() {
  byId("main").replaceChildren(element("h1", {}, api.info.title), element("p", {}, api.info.description),
    element("p", {}, `${operations.size} operations. The description in OpenAPI ${api.openapi}: `, element("a", { href: "/openapi.json" }, "/openapi.json"), "."),
    element("p", { class: "soft" }, "Requests are sent from this page to this server, as whom you are signed in. What you send is done."),
    element("h2", {}, "Ways to say who you are"),
    element("table", {}, element("tbody", {}, ...Object.entries(api.components.securitySchemes).map(([name, scheme]) =>
      element("tr", {}, element("td", {}, element("code", {}, name)), element("td", {}, scheme.description))))));
  document.title = "API of this registry";
}

// --- the list
function listed(tag, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return [...operations.values()].filter((one) => one.tags[0] === tag.name &&
    words.every((word) => `${one.method} ${one.path} ${one.summary} ${tag.name}`.toLowerCase().includes(word)));
}

function showList() {
  const current = location.hash.slice(1);
  byId("operations").replaceChildren(...api.tags.flatMap((tag) => {
    const found = listed(tag, byId("filter").value);
    return found.length ? [element("h2", { title: tag.description }, tag.name), ...found.map((one) =>
      element("a", { href: `#${one.operationId}`, title: `${one.method.toUpperCase()} ${one.path}`, "aria-current": one.operationId === current && "page" },
        element("span", { class: `method ${one.method}` }, one.method), element("span", {}, one.summary)))] : [];
  }));
}

function go() {
  const operation = operations.get(location.hash.slice(1));
  if (operation) showOperation(operation);
  else showOverview();
  showList();
  scrollTo(0, 0);
}

async function start() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) return notice(`The description could not be read: ${answer.status}. Load the page again.`);
  api = await answer.json();
  for (const [path, entry] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => entry[one])) {
      const parameters = [...(entry.parameters ?? []), ...(entry[method].parameters ?? [])].map(resolved);
      operations.set(entry[method].operationId, { ...entry[method], method, path, parameters });
    }
  }
  byId("sign-in").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", signOut);
  byId("filter").addEventListener("input", showList);
  addEventListener("hashchange", go);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    byId("filter").focus();
  });
  go();
  await showWho();
}

start().catch((error) => notice(`The page could not start: ${error.message}`));
