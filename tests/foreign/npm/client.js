/* A client made with a TypeScript SDK, version v1 or v2: it connects as its second argument says,
 * says what it found, then calls a tool for each line that it reads. */

import { createInterface } from "node:readline";

const MODULES = {
  v1: [
    "@modelcontextprotocol/sdk/client/index.js",
    "@modelcontextprotocol/sdk/client/stdio.js",
    "@modelcontextprotocol/sdk/client/streamableHttp.js",
  ],
  v2: ["@modelcontextprotocol/client", "@modelcontextprotocol/client/stdio"],
};

const [version, told] = process.argv.slice(1);
const server = JSON.parse(told);
const imported = await Promise.all(MODULES[version].map((name) => import(name)));
const { Client, StdioClientTransport, StreamableHTTPClientTransport } = Object.assign({}, ...imported);

function say(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

const transport = server.url
  ? new StreamableHTTPClientTransport(new URL(server.url), {
      requestInit: { headers: { Authorization: `Bearer ${server.token}` } },
    })
  : new StdioClientTransport(server);
// Version 1 knows no such option, and only the handshake.
const options = { versionNegotiation: { mode: "auto" } };
const client = new Client({ name: "typescript", version: "1.0.0" }, options);
await client.connect(transport);
const { tools } = await client.listTools();
const revision = client.getNegotiatedProtocolVersion?.() ?? "handshake";
say({ revision, tools: tools.map((tool) => tool.name) });
for await (const line of createInterface({ input: process.stdin })) {
  const { isError, structuredContent, content } = await client.callTool(JSON.parse(line));
  say({ isError: isError ?? false, structured: structuredContent, text: content[0].text });
}
await client.close();
