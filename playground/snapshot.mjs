// Writes the memory of a Python that has protolint imported, packed, so that the page starts at once:
//     node snapshot.mjs packages.zip memory.packed example.prototxt ...

import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { loadPyodide } from "pyodide";

const [packages, target, ...examples] = process.argv.slice(2);
const python = await loadPyodide({ _makeSnapshot: true, env: { HOME: "/home/pyodide", NO_COLOR: "1" } });
python.unpackArchive(new Uint8Array(readFileSync(packages)), "zip");
const { answer } = python.pyimport("bridge");
for (const path of examples) {
  const text = readFileSync(path, "utf8");
  for (const ask of ["check", "fix", "show", "explain"]) answer(JSON.stringify({ ask, text, target: "auto" }));
}
answer.destroy();
python.runPython("import gc; gc.collect()");
writeFileSync(target, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
