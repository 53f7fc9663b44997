// Starts `koinon lsp` and connects the editor to it. Only the server knows TOSCA.

"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("koinon").get("path", "koinon");
  const server = { command, args: ["lsp"] };
  client = new LanguageClient("koinon", "TOSCA (Koinon)", { run: server, debug: server }, {
    // The server ignores files that are not TOSCA.
    documentSelector: [{ language: "tosca" }, { language: "yaml" }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.{yaml,yml,tosca}") },
  });
  try {
    await client.start();
  } catch (error) {
    const settings = "Open settings";
    const chosen = await window.showErrorMessage(
      `Cannot start \`${command} lsp\`: ${error.message}. Install koinon and koinon-lsp, or set koinon.path.`,
      settings,
    );
    if (chosen === settings) {
      await commands.executeCommand("workbench.action.openSettings", "koinon.path");
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.isRunning()) {
    await running.stop();
  }
}

exports.activate = async (context) => {
  context.subscriptions.push(
    workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("koinon.path")) {
        await stop();
        await start();
      }
    }),
  );
  await start();
};

exports.deactivate = stop;
