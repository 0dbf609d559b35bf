// Runs Chromium with page.html in it: node driver.js NODE_MODULES CHROMIUM PROFILE
// Requests come as lines of JSON, {"call": name, "args": [...]}, and so do the answers, {"value": ...} or {"error": ...};
// the first line written is an answer too, once the page is there. The end of the input ends everything.
"use strict";

const fs = require ("node:fs");
const http = require ("node:http");
const path = require ("node:path");
const readline = require ("node:readline");

const [modules, executablePath, profile] = process.argv.slice (2);
const { chromium } = require (path.join (modules, "playwright-core"));

const FILES = {
  "/": [path.join (__dirname, "page.html"), "text/html"],
  "/page.js": [path.join (__dirname, "page.js"), "text/javascript"],
  "/livekit-client.umd.js": [path.join (modules, "livekit-client", "dist", "livekit-client.umd.js"), "text/javascript"],
};

// The devices of a browser exist only for pages from a secure origin, which 127.0.0.1 is and a file is not.
function serve () {
  const server = http.createServer ((request, response) => {
    const file = FILES[request.url];
    response.writeHead (file ? 200 : 404, { "Content-Type": file?.[1] ?? "text/plain" });
    response.end (file ? fs.readFileSync (file[0]) : "");
  });
  return new Promise ((resolve) => server.listen (0, "127.0.0.1", () => resolve (server)));
}

const answer = (what) => process.stdout.write (JSON.stringify (what) + "\n");

async function main () {
  const server = await serve ();
  const context = await chromium.launchPersistentContext (profile, {
    executablePath,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
      // No name but this machine's resolves, so nothing the browser does by itself leaves it.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
  const page = context.pages ()[0] ?? await context.newPage ();
  page.on ("pageerror", (error) => process.stderr.write (`page: ${error}\n`));
  page.on ("console", (message) => process.stderr.write (`console: ${message.text ()}\n`));
  await page.goto (`http://127.0.0.1:${server.address ().port}/`);
  answer ({ value: context.browser ()?.version () ?? "" });

  for await (const line of readline.createInterface ({ input: process.stdin })) {
    try {
      const { call, args } = JSON.parse (line);
      const value = await page.evaluate (([name, list]) => lk[name] (...list), [call, args]);
      answer ({ value: value ?? null });
    } catch (error) {
      answer ({ error: String (error) });
    }
  }
  await context.close ();
  server.close ();
}

main ().catch ((error) => {
  answer ({ error: String (error) });
  process.exit (1);
});
