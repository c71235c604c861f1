// Writes the memory of a Python that has protolint imported, packed, so that the page starts at once:
//     node snapshot.mjs files.packed memory.packed example.prototxt ...

import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { loadPyodide } from "pyodide";

import { place } from "./files.js";

const [files, target, ...examples] = process.argv.slice(2);
// Docstrings, which the page does not show, would take the memory over its first size.
const env = { HOME: "/home/pyodide", NO_COLOR: "1", PYTHONOPTIMIZE: "2" };
const python = await loadPyodide({ _makeSnapshot: true, env });
const size = () => python._module.HEAP8.length;
const first = size();
place(python, new Uint8Array(gunzipSync(readFileSync(files))));
const { answer } = python.pyimport("bridge");
for (const path of examples) {
  const text = readFileSync(path, "utf8");
  for (const ask of ["check", "fix", "show", "explain"]) answer(JSON.stringify({ ask, text, target: "auto" }));
  // Half a text needs the full grammar, which takes long to build.
  const half = `nonsense: 1\n${text.slice(0, text.length / 2)}`;
  answer(JSON.stringify({ ask: "check", text: half, target: "auto" }));
}
answer.destroy();
python.runPython("import gc; gc.collect()");
if (size() > first) throw new Error(`memory has grown to ${size()} bytes, which cannot be loaded; warm less`);
writeFileSync(target, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
