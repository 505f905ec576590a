/* figures.mjs GIVEN.json: how fast the contact page is, by the browser's own clock and beside the same page
   without its script, and what Lighthouse says of it. Lines of JSON as check.mjs prints them;
   tests/bin/contact starts it. */

import { pathToFileURL } from "node:url";
import { startStandins } from "./standins.mjs";
import { browserArguments, changedPage, openPage, PAGES, read, require, SITE, state } from "./site.mjs";

const ROUNDS = 5;
const FRAME_LIMIT = 2000, ADDED_LIMIT = 300, SCORE_LIMIT = 90; // ms, ms, points
const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];

function tell(result) {
  process.stdout.write(JSON.stringify(result) + "\n");
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/* ms since the navigation began: {painted, ready}; ready: the calendar's frame reported that it can be used. */
async function once(world, provider, bare) {
  const { context, page } = await openPage(world, provider, { change: (answer) => {
    if (bare) answer.body = answer.body.replace(/<script src=[^>]*><\/script>/, "");
  } });
  if (!bare) await state(page, "ready");
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const figures = await page.evaluate(() => ({
    painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    ready: window.readyAt }));
  await context.close();
  return figures;
}

async function times(world, provider) {
  const bare = [], full = [];
  for (let i = 0; i < ROUNDS; i++) {
    bare.push(await once(world, provider, true));
    full.push(await once(world, provider, false));
  }
  const [before, after] = [bare, full].map((runs) => median(runs.map((run) => run.painted)));
  const ready = median(full.map((run) => run.ready)), added = after - before;
  tell({ holds: ready < FRAME_LIMIT, name: `${provider}: the calendar can be used after ${ready.toFixed(0)} ms, ` +
    `${(ready / before).toFixed(1)} times the first paint of the page without it (limit ${FRAME_LIMIT} ms)` });
  tell({ holds: added < ADDED_LIMIT, name: `${provider}: the page is painted after ${after.toFixed(0)} ms, ` +
    `${(after / before).toFixed(2)} times what it takes without it (limit ${ADDED_LIMIT} ms more)` });
}

async function lighthouse(world, provider, port, device) {
  const { default: run, desktopConfig } = await import(pathToFileURL(require.resolve("lighthouse")));
  const { lhr } = await run(`https://${SITE}${PAGES[provider]}`, { port, logLevel: "error",
    onlyCategories: CATEGORIES }, device === "desktop" ? desktopConfig : undefined);
  for (const id of CATEGORIES) {
    const { score, auditRefs } = lhr.categories[id], points = Math.round(100 * score);
    const lost = auditRefs.filter(({ id: audit, weight }) => weight && lhr.audits[audit].score < 1)
      .map(({ id: audit }) => `${audit}: ${lhr.audits[audit].displayValue || lhr.audits[audit].score}`);
    tell({ holds: points > SCORE_LIMIT, name: `${provider}, ${device}: Lighthouse gives ${points} for ${id}`,
      detail: lost.join("\n") });
    if (points < 100) tell({ note: lost.join("; ") });
  }
}

const given = JSON.parse(read(process.argv[2]));
const standins = await startStandins({ ...given, changedPage: (url) => changedPage(given, url) });
const { chromium } = require("playwright-core");
const browser = await chromium.launch({ executablePath: given.chromium,
  args: [...browserArguments(given, standins), `--remote-debugging-port=${given.debug}`] });
try {
  const world = { given, standins, browser };
  for (const provider of Object.keys(PAGES)) {
    await times(world, provider);
    for (const device of ["phone", "desktop"]) await lighthouse(world, provider, given.debug, device);
  }
} finally {
  await browser.close();
  standins.close();
}
