// The page: an editor, protolint in a worker, and four tabs of what it found.

import { decode, encode } from "./address.js";
import { Checker } from "./checker.js";
import { by, element } from "./dom.js";
import { createEditor } from "./editor.js";
import { evidence, findingsList, layerTables, picture, rulePage, stateName, summary } from "./views.js";

const LARGEST = 5_000_000; // bytes of a file
const TABS = ["findings", "layers", "picture", "target", "rules"];
const panelOf = (tab) => by(tab === "target" ? "why" : tab);

const about = fetch("about.json").then((response) => response.json());
const checker = new Checker(
  () => (document.documentElement.dataset.ready = "yes"),
  (words) => {
    say(`protolint stopped: ${words}. Reload the page to start it again.`);
    document.documentElement.dataset.ready = "failed";
  },
);

let tab = "findings";
let rule = "";
let state = ""; // of the net in the picture
let checked = null; // the version of the text that the shown findings are of
let busy = false;
let stale = false;
let saving;
let saves = 0;

const target = by("target");
const editor = createEditor(by("editor"), () => changed(), (ask, at) =>
  checker.ask({ ask, at, text: editor.text, target: target.value }));

function say(words) {
  by("status").textContent = words;
}

/** The text or the target is another: check it, the newest version only. */
function changed() {
  by("example").value = "";
  by("findings").setAttribute("aria-busy", "true");
  clearTimeout(saving);
  saving = setTimeout(save, 400);
  check();
}

async function check() {
  stale = true;
  if (busy) return;
  busy = true;
  while (stale) {
    stale = false;
    const version = editor.version;
    const asked = { text: editor.text, target: target.value };
    const answer = await checker.ask({ ask: "check", ...asked });
    if (stale) continue;
    checked = version;
    show(answer);
    await showTab(asked);
  }
  busy = false;
}

function show(answer) {
  const findings = answer.findings ?? [];
  const panel = by("findings");
  const focused = [...panel.querySelectorAll("button")].indexOf(document.activeElement);
  panel.replaceChildren(
    answer.error ? element("p", { class: "error" }, answer.error) : findingsList(findings, actions),
  );
  if (focused >= 0) ([...panel.querySelectorAll("button")].at(focused) ?? panel).focus();
  panel.removeAttribute("aria-busy");
  editor.mark(findings, (finding) => [
    ...(finding.fix ? [{ name: finding.fix.safe ? "Fix" : "Fix (unsafe)", apply: () => actions.fix(finding) }] : []),
    { name: `What ${finding.code} is`, apply: () => actions.rule(finding.code) },
  ]);
  by("tab-findings").textContent = `Findings (${findings.length})`;
  by("fix-all").disabled = !findings.some((finding) => finding.fix?.safe);
  say(answer.error ?? summary(findings, answer.targets));
  document.documentElement.dataset.checked = `${answer.milliseconds}`;
}

const actions = {
  go: ({ from, to }) => editor.select(from, to),
  fix: ({ fix }) => editor.version === checked && editor.apply(fix.edits),
  rule: (code) => openRule(code),
};

/** Fill the tab that is shown, where it shows more than the findings. */
async function showTab(asked = { text: editor.text, target: target.value }) {
  const panel = panelOf(tab);
  if (!panel.firstChild) panel.append(element("p", { class: "quiet" }, "A moment …"));
  if (tab === "layers") {
    const { document: found, error } = await checker.ask({ ask: "show", ...asked });
    by("layers").replaceChildren(
      error ? element("p", { class: "quiet" }, error) : layerTables(found, (line) => editor.selectLine(line)),
    );
  } else if (tab === "picture") {
    await showPicture(asked);
  } else if (tab === "target") {
    const { text } = await checker.ask({ ask: "explain", ...asked });
    by("why").replaceChildren(evidence(text));
  } else if (tab === "rules") {
    await showRule();
  }
}

async function showPicture(asked) {
  const { document: found, error } = await checker.ask({ ask: "show", ...asked });
  const names = found?.nets.flatMap((net) => net.states).map(stateName) ?? [];
  const panel = by("picture");
  if (!names.length) return panel.replaceChildren(element("p", { class: "quiet" }, error ?? "There are no layers."));
  if (!names.includes(state)) [state] = names;
  const answer = await checker.ask({ ask: "picture", state, ...asked });
  const choice = element("select", { onchange: () => { state = choice.value; showTab(); } },
    ...names.map((name) => element("option", { selected: name === state }, name)));
  panel.replaceChildren(
    element("label", {}, "State ", choice),
    answer.error ? element("p", { class: "quiet" }, answer.error) : picture(answer.svg),
  );
}

function selectTab(name) {
  tab = name;
  for (const each of TABS) {
    const button = by(`tab-${each}`);
    button.setAttribute("aria-selected", String(each === name));
    button.tabIndex = each === name ? 0 : -1;
    panelOf(each).hidden = each !== name;
  }
}

function openTab(name) {
  selectTab(name);
  save();
  return showTab();
}

async function openRule(code) {
  rule = code;
  await openTab("rules");
  by("rule").focus();
}

const pages = new Map();

async function showRule() {
  const { rules } = await about;
  const panel = by("rules");
  if (!by("rule")) {
    const options = rules.map(({ code, name }) => element("option", { value: code }, `${code} ${name}`));
    const choice = element("select", { id: "rule", onchange: () => openRule(choice.value) }, ...options);
    panel.replaceChildren(element("label", {}, "Rule ", choice), element("div", { id: "page" }));
  }
  rule ||= rules[0].code;
  by("rule").value = rule;
  const wanted = rule;
  if (!pages.has(rule)) pages.set(rule, fetch(`rules/${rule}.json`).then((response) => response.json()));
  const page = await pages.get(wanted);
  if (wanted !== rule) return;
  by("page").replaceChildren(rulePage(page, (text, name) => {
    target.value = name;
    editor.replace(text);
    openTab("findings");
    by("tab-findings").focus();
  }));
}

/** Put the state into the address, if it is short enough for one. */
async function save() {
  const number = ++saves;
  const hash = await encode({ text: editor.text, target: target.value, tab, rule });
  if (hash !== null && number === saves) history.replaceState(null, "", hash);
  return hash;
}

async function restore() {
  const state = await decode(location.hash);
  if (state === null) return false;
  const known = [...target.options].some((option) => option.value === state.target);
  target.value = known ? state.target : "auto";
  rule = (await about).rules.some(({ code }) => code === state.rule) ? state.rule : "";
  editor.replace(state.text);
  selectTab(TABS.includes(state.tab) ? state.tab : "findings");
  return true;
}

async function openExample(name) {
  const text = await fetch(`examples/${name}`).then((response) => response.text());
  target.value = "auto";
  editor.replace(text);
  by("example").value = name;
}

async function openFile(file) {
  if (!file) return;
  if (file.size > LARGEST) return say(`${file.name} has ${file.size} bytes; the page takes up to ${LARGEST}.`);
  const text = await file.text();
  if (text.includes("\0")) return say(`${file.name} is not text. Weights are checked on the command line: protolint check ${file.name}`);
  editor.replace(text);
}

by("example").onchange = ({ target: choice }) => choice.value && openExample(choice.value);
by("open").onclick = () => by("file").click();
by("file").onchange = ({ target: input }) => {
  openFile(input.files[0]);
  input.value = "";
};
by("link").onclick = async () => {
  if ((await save()) === null) return say("The text is too long for an address.");
  try {
    await navigator.clipboard.writeText(location.href);
    say("The address of this page, with the text in it, is copied.");
  } catch {
    say("The address bar holds this text; copy it from there.");
  }
};
/** Put what protolint makes of the text in its place; `kept` says why it may stay as it is. */
async function rewrite(ask, kept) {
  const version = editor.version;
  const { text, error, note } = await checker.ask({ ask, text: editor.text, target: target.value });
  if (editor.version !== version) return;
  if (error || text === editor.text) say(error || note.split(": ").at(-1) || kept);
  else editor.replace(text);
}

by("format").onclick = () => rewrite("format", "The text has that layout already.");
by("fix-all").onclick = () => rewrite("fix", "No fix is applied to a layer that has an unknown field; correct that first.");
target.onchange = changed;
for (const name of TABS) {
  by(`tab-${name}`).onclick = () => openTab(name);
}
document.querySelector("[role=tablist]").onkeydown = (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const place = { Home: 0, End: TABS.length - 1 }[event.key] ??
    (step && (TABS.indexOf(tab) + step + TABS.length) % TABS.length);
  if (place === undefined) return;
  event.preventDefault();
  openTab(TABS[place]);
  by(`tab-${tab}`).focus();
};
onhashchange = restore;

// CodeMirror would insert what is dropped; here it takes the place of the text.
const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!holdsFile(event)) return;
  event.preventDefault();
  by("drop").hidden = false;
});
addEventListener("dragleave", (event) => event.relatedTarget || (by("drop").hidden = true));
addEventListener("drop", (event) => {
  if (!holdsFile(event)) return;
  event.preventDefault();
  event.stopPropagation();
  by("drop").hidden = true;
  openFile(event.dataTransfer.files[0]);
}, true);

const { targets, examples } = await about;
target.append(...targets.map((name) => element("option", { value: name }, name)));
by("example").append(
  element("option", { value: "" }, "Choose one …"),
  ...examples.map(([name, title]) => element("option", { value: name }, title)),
);
selectTab("findings");
if (!(await restore())) await openExample(examples[0][0]);
navigator.serviceWorker?.register("sw.js");
