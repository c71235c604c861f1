// Which program is the server; no word of VS Code in here, so that Node alone can test it.

const { existsSync } = require("node:fs");
const path = require("node:path");

const DEFAULT = ["protolint"];

/**
 * The server's program and arguments.
 * @param {string[]} configured the setting protolint.command
 * @param {string | undefined} folder the first folder of the workspace
 * @param {boolean} trusted whether programs of the workspace may be run
 */
function serverCommand(configured, folder, trusted) {
  const filled = configured.map((word) => word.replaceAll("${workspaceFolder}", folder ?? "."));
  const usual = filled.length === 1 && filled[0] === DEFAULT[0];
  const own = usual && trusted && folder ? installed(folder) : undefined;
  const [command, ...args] = own ? [own] : filled;
  return { command, args: [...args, "server"] };
}

/** The protolint of the folder's virtual environment, if it is there. */
function installed(folder) {
  const places = [["bin", "protolint"], ["Scripts", "protolint.exe"]];
  return places.map((place) => path.join(folder, ".venv", ...place)).find((file) => existsSync(file));
}

module.exports = { serverCommand };
