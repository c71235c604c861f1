// protolint in a Web Worker: the unchanged package in Pyodide, one answer for each request.

import { place } from "./files.js";
import { loadPyodide } from "./pyodide/pyodide.mjs";

async function start() {
  const [files, memory] = [unpacked("files.packed"), unpacked("memory.packed")];
  // With the memory that snapshot.mjs wrote, Python is there at once, protolint imported.
  const python = await loadPyodide({ _loadSnapshot: memory });
  // Memory holds no files; modules that are imported later come from here.
  place(python, await files);
  return python.pyimport("bridge").answer;
}

async function unpacked(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  const plain = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

const started = start();
started.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ failed: String(error) }),
);

onmessage = async ({ data: { id, request } }) => {
  const answer = await started;
  const from = performance.now();
  try {
    const reply = JSON.parse(answer(JSON.stringify(request)));
    postMessage({ id, reply, milliseconds: performance.now() - from });
  } catch (error) {
    postMessage({ failed: String(error) });
  }
};
