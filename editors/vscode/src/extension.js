// Starts `protolint server` and lets VS Code speak to it.

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");
const { serverCommand } = require("./command");

let client;

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("protolint.restart", restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("protolint.command")) return restart();
    }),
  );
  await start();
}

async function start() {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const configured = vscode.workspace.getConfiguration("protolint").get("command", ["protolint"]);
  const server = serverCommand(configured, folder, vscode.workspace.isTrusted);
  client = new LanguageClient("protolint", "protolint", server, {
    documentSelector: [{ language: "prototxt" }],
    // A configuration may be what was saved: the server reads it again then.
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/{protolint.toml,pyproject.toml}") },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const settings = "Open Settings";
    const program = [server.command, ...server.args].join(" ");
    const chosen = await vscode.window.showErrorMessage(
      `protolint does not start as '${program}'${error?.message ? ` (${error.message})` : ""}. Install it with its server, ` +
        "pip install 'protolint-caffe[lsp]', or set protolint.command.",
      settings,
    );
    if (chosen === settings) vscode.commands.executeCommand("workbench.action.openSettings", "protolint.command");
  }
}

async function restart() {
  await deactivate();
  await start();
}

async function deactivate() {
  const running = client;
  client = undefined;
  await running?.stop();
}

module.exports = { activate, deactivate };
