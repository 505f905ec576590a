/* site.mjs: Debian's Chromium, the page as the tests' nginx serves it, and what is wrong with a page.

   Host rules in the browser lead every name to this machine: the page's to nginx, all others to the
   stand-ins. Certificates are those of the test's own key, and no other is let through. */

import fs from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";

export const require = createRequire(process.env.NODE_MODULES + "/");
export const SITE = "contact.example.org";
const CHANGED = "changed.example.org"; // the same pages, as a test changes them on their way from nginx
const changes = [];
const PATIENCE = 300000; // ms for what takes a moment, unless the machine is very busy
export const PAGES = { calcom: "/contact/", calendly: "/contact/calendly.html" };

export function browserArguments(given, standins) {
  return [
    `--host-resolver-rules=MAP ${SITE}:443 127.0.0.1:${given.port}, MAP * 127.0.0.1:${standins.port}`,
    `--ignore-certificate-errors-spki-list=${given.spki}`,
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--hide-scrollbars", "--font-render-hinting=none",
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
  ];
}

export async function openBrowser(given, standins) {
  const { chromium } = require("playwright-core");
  return chromium.launch({ executablePath: given.chromium, args: browserArguments(given, standins) });
}

/* What nginx answers: {status, headers, body}. */
export function fetchPage(given, path) {
  return new Promise((resolve, reject) => {
    https.get({ host: "127.0.0.1", port: given.port, path, servername: SITE, ca: given.cert,
      headers: { Host: SITE }, agent: false }, async (answer) => {
      let body = "";
      for await (const piece of answer) body += piece;
      resolve({ status: answer.statusCode, headers: answer.headers, body });
    }).on("error", reject);
  });
}

/* For startStandins: what CHANGED answers. */
export async function changedPage(given, url) {
  const answer = await fetchPage(given, url.pathname), change = changes[url.searchParams.get("change")];
  if (change) change(answer);
  answer.headers["content-length"] = Buffer.byteLength(answer.body);
  return answer;
}

/* Opens a page in a context of its own. options: those of Playwright's contexts, and
   change(answer): alters what nginx answered. The page's patience ends when a test says so (runOut), and not
   on a busy machine. Of the result, `wrong` lists
   violations of the policy, console errors and errors of the page's scripts. */
export async function openPage(world, provider, options = {}) {
  const { change, ...more } = options;
  const context = await world.browser.newContext({ viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce", ...more });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage(), wrong = [];
  page.on("console", (said) => { if (said.type() === "error") wrong.push(said.text()); });
  page.on("pageerror", (error) => wrong.push(error.stack));
  await page.addInitScript(() => {
    window.shifted = 0;
    new MutationObserver(() => {
      if (document.documentElement.dataset.booking === "ready") window.readyAt ??= performance.now();
    }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-booking"] });
    window.violations = [];
    const later = window.setTimeout;
    window.setTimeout = (act, ms, ...more) => {
      if (!(ms >= 10000)) return later(act, ms, ...more);
      window.patience = act;
      return later(() => {}, 0);
    };
    addEventListener("securitypolicyviolation", (event) =>
      window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifted += one.value; }))
      .observe({ type: "layout-shift", buffered: true });
  });
  const url = change ? `https://${CHANGED}${PAGES[provider]}?change=${changes.push(change) - 1}`
    : `https://${SITE}${PAGES[provider]}`;
  await page.goto(url, { waitUntil: options.javaScriptEnabled === false ? "load" : "commit" });
  return { context, page, wrong };
}

/* The ten seconds are over. */
export async function runOut(page) {
  await page.waitForFunction(() => window.patience);
  await page.evaluate(() => window.patience());
}

/* A violation is counted on the page and on the console: {violations, wrong}. */
export async function faults({ page, wrong }) {
  return [...await page.evaluate(() => window.violations), ...wrong];
}

export function state(page, wanted) {
  return page.waitForFunction((name) => document.documentElement.dataset.booking === name, wanted);
}

/* A picture so many pixels wide, so that fonts hardly matter: as numbers, or as a PNG to keep. */
export function numbers(page, columns, png) {
  return page.evaluate(shrink, [columns, png.toString("base64"), false]);
}

export async function reduced(page, columns, png) {
  return Buffer.from(await page.evaluate(shrink, [columns, png.toString("base64"), true]), "base64");
}

async function shrink([columns, png, keep]) {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  let bitmap = await createImageBitmap(new Blob([bytes]));
  const rows = Math.round(bitmap.height * columns / bitmap.width);
  bitmap = await createImageBitmap(bitmap, { resizeWidth: columns, resizeHeight: rows, resizeQuality: "high" });
  const canvas = new OffscreenCanvas(columns, rows), at = canvas.getContext("2d");
  at.drawImage(bitmap, 0, 0);
  if (!keep) return { columns, rows, pixels: [...at.getImageData(0, 0, columns, rows).data] };
  const kept = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  return btoa(String.fromCharCode(...kept));
}

export function read(path) {
  return fs.readFileSync(path, "utf-8");
}
