// As much of VS Code as the extension and its client ask for, without a window.

import { EventEmitter } from "node:events";
import Module, { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const BUNDLE = require.resolve("../dist/extension.js");

class Disposable {
  constructor(dispose = () => {}) {
    this.dispose = dispose;
  }
  static from(...all) {
    return new Disposable(() => all.forEach((one) => one.dispose()));
  }
}

class Emitter {
  #events = new EventEmitter();
  event = (listener, self) => {
    const bound = listener.bind(self);
    this.#events.on("fired", bound);
    return new Disposable(() => this.#events.off("fired", bound));
  };
  fire(value) {
    this.#events.emit("fired", value);
  }
  dispose() {
    this.#events.removeAllListeners();
  }
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}

class Range {
  constructor(...ends) {
    const [a, b, c, d] = ends;
    this.start = ends.length === 4 ? new Position(a, b) : a;
    this.end = ends.length === 4 ? new Position(c, d) : b;
  }
}

class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}

class Uri {
  constructor(text) {
    const url = new URL(text);
    Object.assign(this, { text, scheme: url.protocol.slice(0, -1), path: decodeURI(url.pathname) });
    this.fsPath = this.path;
  }
  static parse(text) {
    return new Uri(text);
  }
  static file(path) {
    return new Uri(`file://${encodeURI(path)}`);
  }
  toString() {
    return this.text;
  }
}

/** What a client makes and hands over: it keeps what it was made of and what was put into it. */
class Made {
  constructor(...parts) {
    this.parts = parts;
    this.held = [];
  }
  set(...values) {
    this.held.push(values);
  }
  replace(...values) {
    this.held.push(values);
  }
}

/** A thing of any name: a class for a capital, a number in an enum, else a function that does nothing. */
function anything(known) {
  return new Proxy(known, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || name === "then") return target[name];
      if (/^on(Did|Will)/.test(name)) return (target[name] = new Emitter().event);
      if (/^[A-Z]/.test(name)) return (target[name] = class extends Made {});
      return () => new Disposable();
    },
  });
}

const kind = (value) => ({ value, append: (part) => kind(`${value}.${part}`) });

/** The extension in a VS Code of its own. */
export function load({ command, folder }) {
  const changes = new Emitter();
  const opened = [];
  const published = new Map();
  const errors = [];
  const commands = new Map();
  const providers = new Map();
  const said = (words) => {
    errors.push(words);
    return Promise.resolve(undefined);
  };
  const vscode = anything({
    version: "1.82.0",
    Diagnostic, Disposable, Position, Range, Uri,
    EventEmitter: Emitter,
    CancellationTokenSource: class {
      token = { isCancellationRequested: false, onCancellationRequested: new Emitter().event };
      cancel() {}
      dispose() {}
    },
    DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
    CodeActionKind: new Proxy({}, { get: (_, name) => kind(String(name)) }),
    CodeActionTriggerKind: { Invoke: 1, Automatic: 2 },
    env: { language: "en", appName: "stub", createTelemetryLogger: () => ({}) },
    extensions: { getExtension: () => undefined },
    commands: {
      registerCommand: (name, run) => (commands.set(name, run), new Disposable()),
      executeCommand: async () => {},
    },
    languages: new Proxy(anything({
      match: (filters, { languageId }) => ([filters].flat().some(({ language }) => language === languageId) ? 10 : 0),
      createDiagnosticCollection: () => ({
        set: (uri, list) => published.set(String(uri), list ?? []),
        delete: (uri) => published.delete(String(uri)),
        clear: () => published.clear(),
        dispose: () => {},
        has: () => false,
      }),
    }), {
      get(known, name) {
        const provided = /^register(\w+)Provider$/.exec(name)?.[1];
        if (!provided) return known[name];
        return (_, provider) => (providers.set(provided, provider), new Disposable());
      },
    }),
    window: anything({
      showErrorMessage: said,
      showWarningMessage: said,
      createOutputChannel: () => anything({}),
      tabGroups: anything({ all: [] }),
      visibleTextEditors: [],
    }),
    workspace: anything({
      isTrusted: true,
      name: "stub",
      textDocuments: opened,
      notebookDocuments: [],
      workspaceFolders: [{ uri: Uri.file(folder), name: "stub", index: 0 }],
      onDidChangeTextDocument: changes.event,
      getConfiguration: () => ({ get: (key, fallback) => (key === "command" ? command : fallback) }),
      createFileSystemWatcher: () => anything({}),
      getWorkspaceFolder: () => undefined,
    }),
  });
  const resolve = Module._load;
  Module._load = (name, ...rest) => (name === "vscode" ? vscode : resolve(name, ...rest));
  delete require.cache[BUNDLE];
  const extension = require(BUNDLE);
  Module._load = resolve;
  return {
    extension,
    errors,
    /** What the client answers VS Code: `provide("Hover", "provideHover", document, position)`. */
    provide: (kind, method, ...asked) =>
      providers.get(kind)[method](...asked, new vscode.CancellationTokenSource().token),
    Position, Range,
    restart: () => commands.get("protolint.restart")(),
    open(uri, languageId, text) {
      const document = { uri: Uri.parse(uri), languageId, version: 1, text, isClosed: false, getText: () => document.text };
      opened.push(document);
      return document;
    },
    change(document, text) {
      Object.assign(document, { text, version: document.version + 1 });
      changes.fire({ document, contentChanges: [{ text }], reason: undefined });
    },
    /** The diagnostics of a document as soon as they are as wanted. */
    async diagnostics(uri, wanted) {
      const end = Date.now() + 30_000;
      while (Date.now() < end) {
        const list = published.get(uri);
        if (list && wanted(list)) return list;
        await new Promise((done) => setTimeout(done, 20));
      }
      throw new Error(`no such findings: ${JSON.stringify(published.get(uri))}; ${errors}`);
    },
  };
}
