/* look.mjs GIVEN.json: status pages in a browser. GIVEN: modules, chromium, pages {name: path}, pictures (a
   folder, or none). Prints a line of JSON for each result: {holds, name, detail}. tests/status.t starts it. */

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const require = createRequire(given.modules + "/node_modules/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const VIEWS = [{ name: "phone, dark", viewport: { width: 360, height: 780 }, colorScheme: "dark" },
  { name: "desktop, light", viewport: { width: 1280, height: 900 }, colorScheme: "light" }];

function ok(holds, name, detail) {
  process.stdout.write(JSON.stringify({ holds: Boolean(holds), name, detail: holds ? undefined : String(detail) }) + "\n");
}

/* What keeps the page from being used: sideways scrolling, a label outside its plot, texts over each other. */
function layout() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth)
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const svg of document.querySelectorAll("figure > svg")) {
    const frame = svg.getBoundingClientRect(), boxes = [...svg.querySelectorAll("text")].map((text) =>
      [text.textContent, text.getBoundingClientRect()]);
    for (const [text, box] of boxes)
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1)
        found.push(`"${text}" is outside of its plot`);
    boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
        found.push(`"${text}" covers "${other}"`);
    }));
  }
  return found;
}

const browser = await chromium.launch({ executablePath: given.chromium, args: given.root ? ["--no-sandbox"] : [] });
for (const [name, path] of Object.entries(given.pages))
  for (const { name: view, viewport, colorScheme } of VIEWS) {
    const context = await browser.newContext({ viewport, colorScheme });
    const page = await context.newPage();
    const requests = [], messages = [], what = `${name}, ${view}`;
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => messages.push(message.text()));
    await page.goto("file://" + path);
    ok(requests.length === 1 && messages.length === 0, `${what}: nothing is loaded or refused`,
      [...requests, ...messages].join("\n"));
    ok(await page.evaluate(() => getComputedStyle(document.body).backgroundColor !== "rgba(0, 0, 0, 0)"),
      `${what}: the policy lets the style in`);
    const found = await page.evaluate(layout);
    ok(found.length === 0, `${what}: fits`, found.join("\n"));
    if (given.pictures && (colorScheme === "dark") === (name === "broken"))
      await page.screenshot({ path: `${given.pictures}/${name}.png`, fullPage: true });
    /* all of it: also what is folded away, by the keyboard */
    for (const summary of await page.locator("summary").all()) {
      await summary.focus();
      await page.keyboard.press("Enter");
    }
    ok(await page.evaluate(() => [...document.querySelectorAll("details")].every((one) => one.open)),
      `${what}: the keyboard opens what is folded away`);
    ok((await page.evaluate(layout)).length === 0, `${what}: and it fits still`);
    await context.close();

    /* axe is a script, which the page's policy would refuse */
    const other = await browser.newContext({ viewport, colorScheme, bypassCSP: true });
    const tested = await other.newPage();
    await tested.goto("file://" + path);
    await tested.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    await tested.evaluate(axe);
    const { violations } = await tested.evaluate(() => window.axe.run());
    ok(violations.length === 0, `${what}: axe-core finds nothing`, violations.map((one) =>
      `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`).join("\n"));
    await other.close();
  }
await browser.close();
