// The packaged extension, with Microsoft's client in it, against the real server; only VS Code is a stub.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { load } from "./vscode.mjs";

const require = createRequire(import.meta.url);
const { serverCommand } = require("../src/command.js");
const NET = new URL("../../../fixtures/nets/digits_inplace_cudnn.prototxt", import.meta.url);
const PYTHON = process.env.PROTOLINT_PYTHON ?? "python3";

test("findings of an open net arrive, and leave with what is corrected", async () => {
  const text = readFileSync(NET, "utf8");
  const editor = load({ command: [PYTHON, "-m", "protolint"], folder: path.dirname(fileURLToPath(NET)) });
  const document = editor.open(NET.href, "prototxt", text);
  await editor.extension.activate({ subscriptions: [] });
  try {
    const found = await editor.diagnostics(NET.href, (list) => list.length === 3);
    assert.deepEqual(found.map(({ code, range }) => [code.value, range.start.line]), [
      ["BN001", 38], ["BN001", 69], ["BN001", 100],
    ]);
    assert.deepEqual(editor.errors, []);
    editor.change(document, text.replace("engine: CUDNN", "engine: CAFFE"));
    await editor.diagnostics(NET.href, (list) => list.length === 2);
    await editor.restart();
    await editor.diagnostics(NET.href, (list) => list.length === 2);
  } finally {
    await editor.extension.deactivate();
  }
});

test("what VS Code asks the client, the server answers", async () => {
  const text = readFileSync(NET, "utf8");
  const editor = load({ command: [PYTHON, "-m", "protolint"], folder: path.dirname(fileURLToPath(NET)) });
  const document = editor.open(NET.href, "prototxt", text);
  await editor.extension.activate({ subscriptions: [] });
  try {
    const [found] = await editor.diagnostics(NET.href, (list) => list.length === 3);
    const hover = await editor.provide("Hover", "provideHover", document, found.range.start);
    assert.match(JSON.stringify(hover), /BN001 inplace-cudnn-batchnorm/);
    const context = { diagnostics: [found], triggerKind: 1 };
    const actions = await editor.provide("CodeActions", "provideCodeActions", document, found.range, context);
    assert.match(JSON.stringify(actions), /BN001: .*Ignore it on this line.*Apply every safe fix/);
    assert.ok(actions[0].edit.held.length);
    const place = new editor.Position(found.range.start.line, 0);
    const items = await editor.provide("CompletionItem", "provideCompletionItems", document, place, { triggerKind: 0 });
    assert.match(JSON.stringify(items), /"bottom".*"propagate_down"/);
    const edits = await editor.provide("DocumentFormattingEdit", "provideDocumentFormattingEdits", document, { tabSize: 2, insertSpaces: true });
    assert.ok(Array.isArray(edits));
  } finally {
    await editor.extension.deactivate();
  }
});

test("a server that is not there is one message with what to do", async () => {
  const editor = load({ command: ["no-such-program-here"], folder: tmpdir() });
  await editor.extension.activate({ subscriptions: [] });
  await editor.extension.deactivate();
  const [message] = editor.errors.filter((words) => words.includes("does not start"));
  assert.match(message, /no-such-program-here.*pip install 'protolint-caffe\[lsp\]'/);
});

test("the program is the one that is set, else that of the folder's environment", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "folder-"));
  try {
    assert.deepEqual(serverCommand(["protolint"], folder, true), { command: "protolint", args: ["server"] });
    const own = path.join(folder, ".venv", "bin", "protolint");
    mkdirSync(path.dirname(own), { recursive: true });
    writeFileSync(own, "");
    assert.equal(serverCommand(["protolint"], folder, true).command, own);
    assert.equal(serverCommand(["protolint"], folder, false).command, "protolint");
    assert.deepEqual(serverCommand(["${workspaceFolder}/run", "-m", "protolint"], folder, true), {
      command: `${folder}/run`,
      args: ["-m", "protolint", "server"],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
