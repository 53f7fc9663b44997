// A session with the language server through the client library of VS Code: `node session.mjs KOINON-LSP`.
// Prints nothing and exits with 0 if every answer is the right one.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import lsp from "vscode-languageserver-protocol/node";

const TYPES = `tosca_definitions_version: tosca_2_0
node_types:
  Base:
    properties:
      port: { type: integer, description: The port it listens at. }
  Server:
    derived_from: Base
    description: Serves.
    capabilities:
      web: Http
  Client:
    requirements:
      - upstream: { capability: Http, node: Server }
capability_types:
  Http: {}
`;

// The unknown name follows a letter of two units in UTF-16 and four bytes in UTF-8.
const BROKEN = `tosca_definitions_version: tosca_2_0
imports:
  - { url: types.yaml, namespace: t }
  - profile: org.oasis-open.tosca.simple:2.0
service_template:
  inputs:
    port: { type: integer, default: 80 }
  node_templates:
    server: { metadata: { icon: "𝄞" }, type: t:Sever, properties: { port: { $get_input: port } } }
    client:
      type: t:Client
      requirements:
        - upstream: server
`;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "koinon-session-"));
const file = (name) => pathToFileURL(path.join(folder, name)).href;

/** A server, and what it has published. */
async function open(encodings) {
  const server = spawn(process.argv[2], [], { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  server.stderr.on("data", (data) => { log += data; });
  const ended = new Promise((resolve) => { server.on("close", (code) => resolve({ code, log })); });
  const connection = lsp.createProtocolConnection(
    new lsp.StreamMessageReader(server.stdout),
    new lsp.StreamMessageWriter(server.stdin),
  );
  const published = new Map();
  let waiting = [];
  connection.onNotification(lsp.PublishDiagnosticsNotification.type, (params) => {
    published.set(params.uri, params);
    waiting = waiting.filter((one) => !one());
  });
  connection.listen();
  /** Waits until a version of a file has its diagnostics; of several publications the one with so many, if said. */
  const diagnostics = (uri, version, count) => new Promise((resolve) => {
    const ready = () => {
      const params = published.get(uri);
      const there = params !== undefined && params.version === version
        && (count === undefined || params.diagnostics.length === count);
      if (there) resolve(params.diagnostics);
      return there;
    };
    if (!ready()) waiting.push(ready);
  });
  const { capabilities } = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "test" }],
    capabilities: { general: { positionEncodings: encodings } },
  });
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  const at = (uri, line, character) => ({ textDocument: { uri }, position: { line, character } });
  return {
    capabilities,
    connection,
    diagnostics,
    ended,
    open: (uri, text, version = 1) =>
      connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, {
        textDocument: { uri, languageId: "yaml", version, text },
      }),
    edit: (uri, version, ...contentChanges) =>
      connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, {
        textDocument: { uri, version },
        contentChanges,
      }),
    hover: async (...place) => {
      const hover = await connection.sendRequest(lsp.HoverRequest.type, at(...place));
      return hover?.contents.value;
    },
    definition: (...place) => connection.sendRequest(lsp.DefinitionRequest.type, at(...place)),
    completion: async (...place) => {
      const items = await connection.sendRequest(lsp.CompletionRequest.type, at(...place));
      return items.map((item) => item.label);
    },
  };
}

const range = (line, start, end) => ({
  start: { line, character: start },
  end: { line, character: end },
});

async function conversation(encoding, wide) {
  const client = await open([encoding]);
  assert.equal(client.capabilities.positionEncoding, encoding);
  const main = file("main.yaml");

  // A broken file has a diagnostic with the exact range after a wide letter, the code with its page, and a hint.
  await client.open(main, BROKEN);
  const [unknown, ...others] = await client.diagnostics(main, 1);
  assert.deepEqual(others, []);
  const start = 44 + wide;
  assert.deepEqual(unknown.range, range(8, start, start + 7));
  assert.equal(unknown.severity, lsp.DiagnosticSeverity.Error);
  assert.equal(unknown.source, "koinon");
  assert.equal(unknown.message, "unknown node type `t:Sever`\nhelp: did you mean `t:Server`?");
  const page = fs.readFileSync(fileURLToPath(unknown.codeDescription.href), "utf8");
  assert.match(page, new RegExp(`^# ${unknown.code}: `));

  // An incremental edit repairs it.
  await client.edit(main, 2, { range: range(8, start + 4, start + 4), text: "r" });
  assert.deepEqual(await client.diagnostics(main, 2), []);

  // Hover and definition, across files and within the file.
  assert.equal(
    await client.hover(main, 10, 14),
    "node type `Client`\n\nDeclared in types.yaml, line 11",
  );
  assert.equal(await client.hover(main, 8, start + 20), "`properties`: keyname of a node template\n\n"
    + "Values of properties. *(TOSCA 2.0, 7.2)*");
  const types = file("types.yaml");
  assert.deepEqual(await client.definition(main, 10, 14), { uri: types, range: range(10, 2, 8) });
  assert.deepEqual(await client.definition(main, 12, 12), { uri: types, range: range(12, 8, 16) });
  assert.deepEqual(await client.definition(main, 12, 22), { uri: main, range: range(8, 4, 10) });
  assert.equal(await client.definition(main, 0, 0), null);

  // While the file is broken, all answers except diagnostics come from the last good analysis.
  const end = { line: 13, character: 0 };
  await client.edit(main, 3, { range: { start: end, end }, text: "    more:\n      ty" });
  assert.equal((await client.diagnostics(main, 3)).length, 1);
  assert.equal((await client.completion(main, 14, 8))[0], "type");
  assert.match(await client.hover(main, 10, 14), /^node type `Client`/);

  // Completion of types, including built-in types, of properties and of targets.
  await client.edit(main, 4, { range: range(14, 6, 8), text: "type: " });
  const names = await client.completion(main, 14, 12);
  assert.ok(names.includes("t:Server") && names.includes("Compute"), names.join(" "));
  await client.edit(main, 5, { range: range(14, 6, 12), text: "type: t:Server\n      properties:\n        p" });
  assert.deepEqual(await client.completion(main, 16, 9), ["port"]);
  await client.edit(main, 6, { range: range(16, 8, 9), text: "port: { $get_input: }" });
  assert.deepEqual(await client.completion(main, 16, 28), ["port"]);
  await client.diagnostics(main, 6);
  await client.edit(
    main, 7,
    { range: range(16, 8, 29), text: "port: 1\n" },
    { range: range(12, 20, 26), text: "" },
  );
  assert.deepEqual((await client.completion(main, 12, 20)).slice(0, 3), ["client", "more", "server"]);

  // A built-in profile is a file that can be opened but not changed.
  await client.edit(main, 8, { range: range(14, 6, 20), text: "type: Compute" });
  const compute = await client.definition(main, 14, 14);
  const profile = fs.readFileSync(fileURLToPath(compute.uri), "utf8").split("\n");
  const { line, character } = compute.range.start;
  assert.equal(profile[line].slice(character), "Compute:");
  assert.equal(fs.statSync(fileURLToPath(compute.uri)).mode & 0o222, 0);

  // An open import counts with its text in the editor, not with its saved text.
  await client.edit(main, 9, { text: BROKEN });
  await client.open(types, TYPES.replaceAll("Server", "Sever"));
  assert.deepEqual(await client.diagnostics(types, 1), []);
  await client.diagnostics(main, 9, 0);

  // Symbols form a tree.
  const symbols = await client.connection.sendRequest(lsp.DocumentSymbolRequest.type, {
    textDocument: { uri: types },
  });
  const tree = (all) => all.map((one) => [one.name, tree(one.children)]);
  assert.deepEqual(tree(symbols), [
    ["node_types", [
      ["Base", [["properties", [["port", []]]]]],
      ["Sever", [["capabilities", [["web", []]]]]],
      ["Client", [["requirements", [["upstream", []]]]]],
    ]],
    ["capability_types", [["Http", []]]],
  ]);

  // Closed files have no diagnostics, and neither do files that are not TOSCA.
  await client.edit(main, 10, { text: "tosca_definitions_version: tosca_9" });
  assert.equal((await client.diagnostics(main, 10)).length, 1);
  await client.connection.sendNotification(lsp.DidCloseTextDocumentNotification.type, {
    textDocument: { uri: main },
  });
  assert.deepEqual(await client.diagnostics(main, undefined), []);
  await client.open(file("other.yaml"), "a: [");
  assert.deepEqual(await client.diagnostics(file("other.yaml"), 1), []);

  // An unknown request is an error. Then the server shuts down in order and leaves nothing behind.
  await assert.rejects(client.connection.sendRequest("koinon/nothing"), { code: -32601 });
  await client.connection.sendRequest(lsp.ShutdownRequest.type);
  await client.connection.sendNotification(lsp.ExitNotification.type);
  const { code, log } = await client.ended;
  assert.equal(code, 0, log);
  assert.ok(!fs.existsSync(fileURLToPath(compute.uri)));
}

/** Edits that come faster than analyses: only the newest counts; and a request may be cancelled. */
async function haste() {
  const client = await open(["utf-16"]);
  const main = file("main.yaml");
  await client.open(main, BROKEN);
  const edits = 200;
  for (let version = 2; version <= edits; version += 1) {
    const text = version === edits ? BROKEN.replace("Sever", "Server") : `${BROKEN}# ${version}\n`;
    client.edit(main, version, { text });
  }
  assert.deepEqual(await client.diagnostics(main, edits), []);
  client.edit(main, edits + 1, { text: BROKEN });
  const source = new lsp.CancellationTokenSource();
  const place = { textDocument: { uri: main }, position: { line: 10, character: 14 } };
  const hover = client.connection.sendRequest(lsp.HoverRequest.type, place, source.token);
  source.cancel();
  // The answer may have come before.
  await hover.catch((error) => assert.equal(error.code, -32800));
  assert.equal((await client.diagnostics(main, edits + 1)).length, 1);
  // `exit` without `shutdown` is an error.
  await client.connection.sendNotification(lsp.ExitNotification.type);
  assert.equal((await client.ended).code, 1);
}

fs.writeFileSync(path.join(folder, "types.yaml"), TYPES);
try {
  await conversation("utf-16", 2);
  await conversation("utf-8", 4);
  await haste();
} finally {
  fs.rmSync(folder, { recursive: true });
}
