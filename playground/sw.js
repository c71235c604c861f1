// Keeps every file of the page, so that it works without a network once it was loaded.
// The build writes the first line: const BUILD = {version, files}.

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(BUILD.version).then((cache) => cache.addAll(BUILD.files)).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("protolint-") && name !== BUILD.version;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const found = caches.open(BUILD.version).then((cache) => cache.match(event.request, { ignoreSearch: true }));
  event.respondWith(found.then((kept) => kept ?? fetch(event.request)));
});
