// protolint in a Web Worker: the unchanged package in Pyodide, one answer for each request.

import { loadPyodide } from "./pyodide/pyodide.mjs";

async function start() {
  const [packages, memory] = [fetched("packages.zip"), fetched("memory.packed")];
  const plain = memory.then(({ body }) => body.pipeThrough(new DecompressionStream("gzip")));
  // With the memory that snapshot.mjs wrote, Python is there at once, protolint imported.
  const python = await loadPyodide({
    _loadSnapshot: plain.then((stream) => new Response(stream).arrayBuffer()),
  });
  // Memory holds no files; modules that are imported later come from here.
  python.unpackArchive(await (await packages).arrayBuffer(), "zip");
  return python.pyimport("bridge").answer;
}

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response;
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
