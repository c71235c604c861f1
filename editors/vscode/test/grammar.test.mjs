// The grammar over every net of fixtures/, with the engine that VS Code uses.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import test from "node:test";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");

const FIXTURES = new URL("../../../fixtures/", import.meta.url);
const GRAMMAR = new URL("../syntaxes/prototxt.tmLanguage.json", import.meta.url);

await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
const registry = new Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => parseRawGrammar(readFileSync(GRAMMAR, "utf8"), "grammar.json"),
});
const grammar = await registry.loadGrammar("source.prototxt");

/** Each piece of a text with the innermost scope that colours it. */
function tokens(text) {
  let state = INITIAL;
  const found = [];
  for (const line of text.split("\n")) {
    const result = grammar.tokenizeLine(line, state);
    state = result.ruleStack;
    for (const { startIndex, endIndex, scopes } of result.tokens) {
      const piece = line.slice(startIndex, endIndex);
      if (piece.trim()) found.push([piece.trim(), scopes.at(-1).replace(".prototxt", ""), scopes]);
    }
  }
  return found;
}

const scopeOf = (text, piece) => tokens(text).find(([found]) => found === piece)?.[1];

for (const name of readdirSync(new URL("nets", FIXTURES)).filter((name) => name.endsWith(".prototxt"))) {
  test(`every word of ${name} has a colour`, () => {
    const found = tokens(readFileSync(new URL(`nets/${name}`, FIXTURES), "utf8"));
    assert.ok(found.length > 20);
    assert.deepEqual(found.filter(([, scope]) => scope === "source"), []);
  });
}

test("words are what they are", () => {
  const net = 'layer { name: "a\\n" type: "ReLU" include: { phase: TRAIN } x: -1.5e-3 y: true dim: 0x1F }';
  assert.equal(scopeOf(net, "layer"), "keyword.other.layer");
  assert.equal(scopeOf(net, "name"), "variable.other.property");
  assert.equal(scopeOf(net, "\\n"), "constant.character.escape");
  assert.match(scopeOf(net, '"ReLU"'), /support\.class/);
  assert.equal(scopeOf(net, "include"), "entity.name.type.message");
  assert.equal(scopeOf(net, "TRAIN"), "constant.other.enum");
  assert.equal(scopeOf(net, "-1.5e-3"), "constant.numeric");
  assert.equal(scopeOf(net, "true"), "constant.language.boolean");
  assert.equal(scopeOf(net, "0x1F"), "constant.numeric");
});

test("a comment ends with its line, and one to protolint is marked", () => {
  const text = '# x: "\nname: "#" # protolint: ignore[BN001] why\ntype: CONVOLUTION';
  assert.equal(scopeOf(text, "name"), "variable.other.property");
  assert.equal(scopeOf(text, "protolint:"), "keyword.control.directive");
  assert.equal(scopeOf(text, "ignore"), "keyword.control.directive");
  assert.equal(scopeOf(text, "CONVOLUTION"), "constant.other.enum");
  assert.ok(tokens(text).some(([piece, , scopes]) => piece === "#" && scopes.some((s) => s.startsWith("string"))));
});

test("a string without its end ends with its line", () => {
  assert.equal(scopeOf('name: "half\ntop: "x"', "top"), "variable.other.property");
});
