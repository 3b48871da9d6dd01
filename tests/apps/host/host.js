/* A chat that shows MCP Apps: it calls a tool of our server, and hands the answer to the app that
 * the tool names. The protocol with the app is the reference AppBridge's, the one with the server
 * its client's. */

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  AppBridge,
  getToolUiResourceUri,
  PostMessageTransport,
} from "@modelcontextprotocol/ext-apps/app-bridge";

const HOST = { name: "test-host", version: "1.0.0" };
const UI = { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } };

/** Return the policy that a host gives a document (apps.mdx, "Content Security Policy"). */
function policy({ connectDomains = [], resourceDomains = [] } = {}) {
  const resources = resourceDomains.join(" ");
  return [
    "default-src 'none'",
    `script-src 'unsafe-inline' ${resources}`,
    `style-src 'unsafe-inline' ${resources}`,
    `img-src data: ${resources}`,
    `connect-src ${connectDomains.join(" ") || "'none'"}`,
    "base-uri 'none'",
  ].join("; ");
}

/** Show what a tool answers, in the app that it names, in a frame that may run scripts alone. */
async function show(token, name, input, { context = {}, capabilities = {} } = {}) {
  await leave();
  const client = new Client(HOST, { capabilities: { extensions: UI } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL("/mcp", location.href), {
      requestInit: { headers: { Authorization: `Bearer ${token}` } },
    }),
  );
  const { tools } = await client.listTools();
  const tool = tools.find((one) => one.name === name);
  const { contents } = await client.readResource({ uri: getToolUiResourceUri(tool) });
  const [{ text, _meta }] = contents;
  const frame = document.createElement("iframe");
  frame.title = tool.title;
  frame.setAttribute("sandbox", "allow-scripts");
  document.body.replaceChildren(frame);
  const bridge = new AppBridge(
    client,
    HOST,
    { openLinks: {}, serverTools: {}, ...capabilities },
    { hostContext: { theme: "light", ...context } },
  );
  const opened = [];
  bridge.onopenlink = async ({ url }) => {
    opened.push(url);
    return {};
  };
  bridge.addEventListener("sizechange", ({ height }) => {
    frame.style.height = `${height}px`;
  });
  const initialized = new Promise((resolve) => bridge.addEventListener("initialized", resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  const csp = `<meta http-equiv="Content-Security-Policy" content="${policy(_meta.ui.csp)}">`;
  frame.srcdoc = text.replace("<head>", `<head>${csp}`);
  await initialized;
  await bridge.sendToolInput({ arguments: input });
  await bridge.sendToolResult(await client.callTool({ name, arguments: input }));
  window.shown = { client, bridge, opened };
}

/** Take down what is shown, as hosts do: the app is asked first, and its connection let go, for a
 * browser has few. */
async function leave() {
  if (!window.shown) return;
  const { bridge, client } = window.shown;
  await bridge.teardownResource({});
  await bridge.close();
  await client.close();
}

window.show = show;
