// The files of protolint and what it imports, in one: a line of JSON with [name, size] for each, then
// their bytes. Python's own unpacking of an archive would take a second.

/** Write the files into the working directory of a Python. */
export function place(python, bytes) {
  const end = bytes.indexOf(10);
  let at = end + 1;
  for (const [name, size] of JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)))) {
    python.FS.mkdirTree(name.slice(0, Math.max(0, name.lastIndexOf("/"))) || ".");
    python.FS.writeFile(name, bytes.subarray(at, at + size));
    at += size;
  }
}
