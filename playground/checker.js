// The page's side of the worker.

export class Checker {
  #worker;
  #waiting = new Map();
  #next = 0;
  #failed;

  /** `ready()` once protolint has started; `failed(words)` when it cannot go on. */
  constructor(ready, failed) {
    this.#failed = failed;
    this.#worker = new Worker("worker.js", { type: "module" });
    this.#worker.onerror = (event) => this.#stop(event.message || "the worker cannot be loaded");
    this.#worker.onmessage = ({ data }) => {
      if (data.ready) ready();
      else if (data.failed) this.#stop(data.failed);
      else {
        this.#waiting.get(data.id)({ ...data.reply, milliseconds: data.milliseconds });
        this.#waiting.delete(data.id);
      }
    };
  }

  /** The answer to a request; it never settles once the worker has failed. */
  ask(request) {
    const id = this.#next++;
    this.#worker.postMessage({ id, request });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #stop(words) {
    this.#worker.terminate();
    this.#failed(words);
  }
}
