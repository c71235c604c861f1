// What the tabs show.

import { element, marked } from "./dom.js";

const THOUSANDS = ["", "k", "M", "G", "T", "P"];

/** How much was found, for which Caffe, and whether that builds the net. */
export function summary(findings, targets) {
  const parts = ["error", "warning", "info"].map((severity) => [
    findings.filter((finding) => finding.severity === severity).length, severity]);
  const found = parts.filter(([count]) => count).map(([count, noun]) => counted(count, noun)).join(", ");
  const safe = findings.filter(({ fix }) => fix?.safe).length;
  const unsafe = findings.filter(({ fix }) => fix && !fix.safe).length;
  const fixes = [[safe, "safe fix"], [unsafe, "unsafe fix"]].filter(([count]) => count);
  const offered = fixes.map(([count, noun]) => counted(count, noun)).join(", ");
  const caffes = targets.map(({ name, reason, verdict }) =>
    `${name} (${reason})${verdict ? `; it ${verdict}` : ""}`);
  return `${found || "Nothing was found"}${offered && `; ${offered}`}. Checked for ${caffes.join(", ")}.`;
}

/** The findings as a list; `act` has go(finding), fix(finding) and rule(code). */
export function findingsList(findings, act) {
  if (!findings.length) return element("p", { class: "quiet" }, "Nothing was found.");
  return element("ol", { class: "findings" }, ...findings.map((finding) => findingItem(finding, act)));
}

function findingItem(finding, act) {
  const { code, name, severity, message, line, column, fix, related } = finding;
  const others = related.map((label) =>
    element("li", {},
      element("button", { type: "button", class: "plain", onclick: () => act.go(label) }, label.message)));
  return element("li", { class: severity },
    element("p", { class: "head" },
      element("span", { class: `chip ${severity}` }, severity),
      element("button", { type: "button", class: "plain", title: `What ${code} is`, onclick: () => act.rule(code) },
        element("b", {}, code), ` ${name}`),
      element("button", { type: "button", class: "plain place", onclick: () => act.go(finding) },
        `line ${line}`, element("span", { class: "unseen" }, `, column ${column}`))),
    element("p", {}, message),
    others.length ? element("ul", { class: "related" }, ...others) : null,
    fix && element("p", { class: "fix" }, fixButton(finding, act), ` ${fix.title}`));
}

function fixButton(finding, act) {
  const { code, line, fix } = finding;
  const name = fix.safe ? "Fix" : "Fix (unsafe)";
  return element("button", {
    type: "button",
    // Ten buttons of one name are none to those who only hear them.
    "aria-label": `${name} ${code} at line ${line}`,
    title: fix.safe ? null : "What the net computes may change",
    onclick: () => act.fix(finding),
  }, name);
}

/** The layers of each state as tables; `go(line)` leads to a layer. */
export function layerTables(document, go) {
  const shown = document.nets.flatMap((net) => net.states.map((state) => stateTable(state, go)));
  return element("div", {}, ...shown);
}

/** What a state is called, as `protolint show --state` takes it. */
export const stateName = ({ phase, stages, level }) => [phase, ...stages, ...(level ? [`level=${level}`] : [])].join(",");

/** A picture with the words of it for those who do not see it; no script in it runs. */
export function picture(svg) {
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml");
  const words = ["title", "desc"].map((tag) => drawn.querySelector(tag)?.textContent).filter(Boolean);
  return element("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: words.join(". ") });
}

function stateTable(state, go) {
  const name = stateName(state);
  const builds = state.builds === false ? element("span", { class: "chip error" }, "does not build") : null;
  const heads = ["Layer", "Type", "Bottoms → tops", "Shape", "Parameters", "MACs", "Notes"];
  const inputs = state.inputs.map((input) =>
    element("tr", {}, element("th", { scope: "row" }, "(input)"), element("td"),
      element("td", {}, `→ ${input.name}`), element("td", {}, shape(input)),
      element("td"), element("td"), element("td")));
  return element("section", {},
    element("h3", {}, name, " ", builds),
    element("p", { class: "quiet" }, totals(state.totals)),
    element("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": `Layers in ${name}` },
      element("table", {},
        element("thead", {}, element("tr", {}, ...heads.map((head, place) =>
          element("th", { scope: "col", class: place === 4 || place === 5 ? "number" : null }, head)))),
        element("tbody", {}, ...inputs, ...state.layers.map((layer) => layerRow(layer, go))))));
}

function layerRow(layer, go) {
  return element("tr", {},
    element("th", { scope: "row" },
      element("button", { type: "button", class: "plain", onclick: () => go(layer.line) }, layer.name || "(no name)")),
    element("td", {}, layer.type || "?"),
    element("td", {}, blobs(layer)),
    element("td", {}, layer.tops.map(shape).join(", ")),
    element("td", { class: "number" }, parameters(layer)),
    element("td", { class: "number" }, layer.macs === null ? "?" : layer.macs ? short(layer.macs) : ""),
    element("td", {}, notes(layer)));
}

function blobs({ bottoms, tops, in_place }) {
  const names = tops.map((top) => top.name).join(", ");
  if (in_place && bottoms.join(", ") === names) return `${names} (in place)`;
  return `${bottoms.join(", ")} → ${names}${in_place ? " (in place)" : ""}`.trim();
}

function shape({ sizes, complete }) {
  const known = sizes.map((size) => size ?? "?");
  if (!complete) return known.length ? `${known.join("×")}…` : "?";
  return known.length ? known.join("×") : "scalar";
}

function parameters({ parameters }) {
  if (parameters === null) return "?";
  const counts = parameters.map((parameter) => parameter.count);
  if (counts.includes(null)) return "?";
  return counts.length ? counts.reduce((a, b) => a + b).toLocaleString("en") : "";
}

function notes({ registered, batchnorm, scales }) {
  const found = registered ? [] : ["not a type of this Caffe"];
  if (batchnorm) {
    found.push(`${batchnorm.engine}, ${batchnorm.blobs.length} blobs, eps ${batchnorm.eps}`);
    found.push(`${batchnorm.statistics} statistics`);
    if (batchnorm.affine) found.push("scale and bias");
    if (batchnorm.scale) found.push(`Scale ${batchnorm.scale}`);
  }
  if (scales) found.push(`scales ${scales}`);
  return found.join(", ");
}

function totals({ layers, batchnorms, learnable, unknown, macs }) {
  const least = unknown ? "at least " : "";
  const work = macs ? `, ${least}${short(macs)} multiply-accumulates` : "";
  const known = `${least}${learnable.toLocaleString("en")} parameters`;
  return `${counted(layers, "layer")}, ${counted(batchnorms, "BatchNorm")}; ${known}${work}`;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : noun.endsWith("x") ? "es" : "s"}`;
}

function short(count) {
  let [value, power] = [count, 0];
  while (value >= 999.5 && power < THOUSANDS.length - 1) [value, power] = [value / 1000, power + 1];
  return `${Number(value.toPrecision(3))}${THOUSANDS[power]}`;
}

/** What points to which Caffe, from what `--explain-target` prints. */
export function evidence(text) {
  const lines = text.trimEnd().split("\n");
  const clues = lines.filter((line) => line.startsWith("  "));
  return element("div", {},
    ...lines.filter((line) => !line.startsWith("  ")).map((line) => element("p", {}, element("b", {}, line))),
    clues.length ? element("ul", {}, ...clues.map((line) => element("li", {}, line.trim()))) : null);
}

/** The page of a rule; `open(text, target)` puts an example into the editor. */
export function rulePage(rule, open) {
  const [summary, ...lines] = rule.documentation.split("\n");
  const body = [];
  for (const line of lines) {
    if (line && !line.startsWith(" ")) body.push(element("h3", {}, line), element("p"));
    else if (line.trim() && body.length) body.at(-1).append(...marked(`${line.trim()} `));
    else if (body.length && body.at(-1).textContent) body.push(element("p"));
  }
  const { severity, dialects } = rule;
  return element("article", {},
    element("h2", {}, `${rule.code} ${rule.name}`),
    element("p", {}, element("span", { class: `chip ${severity}` }, severity), ` for ${dialects.join(", ") || "every Caffe"}`),
    element("p", { class: "summary" }, ...marked(summary)),
    ...body.filter((part) => part.tagName !== "P" || part.textContent),
    ...example(rule.invalid[0], open));
}

function example(found, open) {
  if (!found) return [];
  const weights = "hdf5" in found;
  const others = Object.entries(found.others);
  const offered = !weights && !others.length;
  return [
    element("h3", {}, "Example"),
    element("p", { class: "quiet" }, `${found.name}${weights ? ", here as text" : ""}, for ${found.target}`),
    element("pre", { tabindex: 0 }, found.text),
    ...others.flatMap(([name, text]) => [
      element("p", { class: "quiet" }, `Beside it, ${name}`), element("pre", { tabindex: 0 }, text)]),
    offered ? element("p", {}, element("button", { type: "button", onclick: () => open(found.text, found.target) }, "Open this example")) : null,
    ...(found.fixed === null ? [] : [element("h3", {}, "Fixed"), element("pre", { tabindex: 0 }, found.fixed)]),
  ].filter(Boolean);
}
