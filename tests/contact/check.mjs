/* check.mjs GIVEN.json [PART...]: the contact page in a browser. Prints a line of JSON for each result, {holds,
   name, detail}, and one for what was booked; tests/contact.t starts it. */

import { startStandins } from "./standins.mjs";
import { changedPage, faults, fetchPage, openBrowser, openPage, PAGES, read, require, runOut, SITE, state } from "./site.mjs";
import { pictures } from "./pictures.mjs";

const TITLE = { calcom: "Book a call", calendly: "Select a Date & Time - Calendly" };
const SCRIPT_HOST = { calcom: "app.cal.com", calendly: "assets.calendly.com" };
const HOME = { calcom: "https://cal.com/example/intro", calendly: "https://calendly.com/example/intro" };

function tell(result) {
  process.stdout.write(JSON.stringify(result) + "\n");
}

function ok(holds, name, detail) {
  tell({ holds: Boolean(holds), name, detail: holds ? undefined : detail });
}

function equal(got, want, name) {
  const [a, b] = [got, want].map((value) => JSON.stringify(value));
  ok(a === b, name, `got:  ${a}\nwant: ${b}`);
}

const trouble = (kind) => (answer) => {
  answer.body = answer.body.replaceAll("example/intro", `example/intro?trouble=${kind}`);
};
const policy = (from, to) => (answer) => {
  const name = "content-security-policy", before = answer.headers[name];
  answer.headers[name] = before.replace(from, to);
  if (answer.headers[name] === before) throw new Error(`${from} is not in ${before}`);
};

/* The link and the address are to be seen and used; the calendar is gone. */
async function expectPlain(page, provider, name) {
  const link = page.locator("#booking-link"), mail = page.locator(".plain a[href^='mailto:']");
  ok(await link.isVisible() && (await link.getAttribute("href")).startsWith(HOME[provider]),
    `${name}: the link leads to the calendar's own page`);
  ok(await mail.isVisible(), `${name}: and there is the mail address`);
  ok(!await page.locator(".waiting").isVisible() && await page.locator("iframe").count() === 0,
    `${name}: nothing else is there`);
}

async function loads(world, provider) {
  const site = await openPage(world, provider), { page } = site;
  await state(page, "ready");
  const frame = page.frameLocator(`iframe[title="${TITLE[provider]}"]`);
  await frame.getByRole("heading", { name: "Intro call" }).waitFor();
  ok(await page.locator("iframe").isVisible(), `${provider}: the calendar is in the page`);
  ok(!await page.locator("#booking-link").isVisible(), `${provider}: the link is not shown beside it`);
  equal(await page.locator("#booking").getAttribute("aria-busy"), "false", `${provider}: not busy any more`);
  equal(await page.locator("#booking-status").textContent(), "The calendar is ready.",
    `${provider}: a screen reader hears of it`);
  const shifted = await page.evaluate(() => window.shifted);
  ok(shifted < 0.01, `${provider}: nothing moved while it loaded`, shifted);
  equal(await faults(site), [], `${provider}: no violation of the policy, no error on the console`);
  await site.context.close();
}

async function falls_back(world, provider) {
  // Each of these pages has stand-ins' trouble of its own, so they go one after the other.
  for (const [kind, waits] of [["refused", false], ["wrong", false], ["slow", true]]) {
    world.standins.trouble[SCRIPT_HOST[provider]] = kind;
    const { context, page } = await openPage(world, provider);
    if (waits) {
      await page.locator(".waiting").waitFor();
      ok(!await page.locator("#booking-link").isVisible(), `${provider}, script slow: first the page waits`);
      await runOut(page);
    }
    await state(page, "failed");
    await expectPlain(page, provider, `${provider}, script ${kind}`);
    await context.close();
  }
  delete world.standins.trouble[SCRIPT_HOST[provider]];
}

/* The frame: an error page, a failure that it reports, and a policy that keeps script or frame away. */
async function frame_fails(world, provider) {
  const cases = { "error page": [trouble("error"), true],
    "script forbidden": [policy(/script-src [^;]+/, "script-src 'self'"), false],
    "frame forbidden": [policy(/frame-src [^;]+/, "frame-src 'none'"), true] };
  if (provider === "calcom") cases["linkFailed"] = [trouble("failed"), false];
  await Promise.all(Object.entries(cases).map(async ([name, [change, waits]]) => {
    const { context, page } = await openPage(world, provider, { change });
    if (waits) {
      await page.waitForFunction(() => frames.length > 0 || window.violations.length > 0);
      await page.waitForLoadState("load");
      await runOut(page);
    }
    await state(page, "failed");
    await expectPlain(page, provider, `${provider}, ${name}`);
    await context.close();
  }));
}

async function without_script(world, provider) {
  const bare = await openPage(world, provider, { javaScriptEnabled: false });
  await expectPlain(bare.page, provider, `${provider}, without JavaScript`);
  const blocked = await openPage(world, provider, { change: policy(/script-src [^;]+/, "script-src 'none'") });
  await blocked.page.waitForLoadState("load");
  await expectPlain(blocked.page, provider, `${provider}, its own script blocked`);
  await bare.context.close();
  await blocked.context.close();
}

/* A frame of another host says all that the calendar's frame could say. The policy would not even
   let it in; here it does. */
async function forged(world, provider) {
  const other = "https://ads.example.net/forger";
  const change = (answer) => {
    policy("frame-src", "frame-src https://ads.example.net")(answer);
    answer.body = answer.body.replace("</main>", `</main><iframe title="ad" name="ad" src="${other}"></iframe>`);
  };
  const said = (page) => page.frameLocator("iframe[name=ad]").locator("#said")
    .waitFor({ state: "attached" });
  const own = (wrong) => wrong.filter((error) => /contact\/cal\w+\.js/.test(error));
  const early = await openPage(world, provider, { change: (answer) => {
    change(answer);
    trouble("error")(answer);
  } });
  await said(early.page);
  await early.page.evaluate(() => new Promise((done) => { addEventListener("message", done); postMessage("x"); }));
  equal(await early.page.evaluate(() => document.documentElement.dataset.booking), "loading",
    `${provider}: a forged "ready" or "failed" changes nothing`);
  await runOut(early.page);
  await state(early.page, "failed");
  equal(own(early.wrong), [], `${provider}: and what is no message at all does not disturb the script`);
  const late = await openPage(world, provider, { change });
  await said(late.page);
  await state(late.page, "ready");
  await late.page.evaluate(() => new Promise((done) => {
    const ad = document.querySelector("iframe[name=ad]");
    ad.onload = done;
    ad.src += "?again";
  }));
  await late.page.evaluate(() => new Promise((done) => { addEventListener("message", done); postMessage("x"); }));
  equal(await late.page.evaluate(() => document.documentElement.dataset.booking), "ready",
    `${provider}: a forged booking thanks nobody`);
  ok(!await late.page.locator("#booking-thanks").isVisible(), `${provider}: nothing is said of it`);
  await early.context.close();
  await late.context.close();
}

/* Without any one part of the policy the calendar does not run without a violation: it is the least. */
async function least_policy(world, provider) {
  const whole = (await fetchPage(world.given, PAGES[provider])).headers["content-security-policy"];
  const needed = whole.split("; ").filter((part) => /^(script|style|frame)-src/.test(part)).flatMap((part) => {
    const [name, ...sources] = part.split(" ");
    return sources.map((source) => [name, source]);
  }).filter(([, source]) => source !== "https://cal.com"); // routing forms alone
  await Promise.all(needed.map(async ([name, source]) => {
    const change = policy(new RegExp(`(${name}[^;]*?) ${source}`), "$1");
    const site = await openPage(world, provider, { change });
    const seen = await site.page.waitForFunction(() => window.violations.length > 0, null)
      .then(() => true, () => false);
    ok(seen, `${provider}: the policy needs ${source} in ${name}`);
    await site.context.close();
  }));
}

async function accessible(world, provider) {
  const axe = read(require.resolve("axe-core/axe.min.js"));
  const cases = [["light", 1280, "ready"], ["dark", 360, "ready"], ["light", 360, "failed"],
    ["dark", 1280, "failed"]];
  await Promise.all(cases.map(async ([colorScheme, width, want]) => {
    const { context, page } = await openPage(world, provider, { colorScheme, viewport: { width, height: 800 },
      change: want === "failed" ? policy(/script-src [^;]+/, "script-src 'self'") : undefined });
    await state(page, want);
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { iframes: false }));
    equal(found.violations.map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 80))]), [],
      `${provider}, ${colorScheme}, ${width} px, ${want}: axe finds nothing (${found.passes.length} rules)`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    ok(wide <= width, `${provider}, ${colorScheme}, ${width} px, ${want}: nothing is wider`, wide);
    await context.close();
  }));
}

async function keyboard(world, provider) {
  const { context, page } = await openPage(world, provider, { viewport: { width: 1280, height: 900 } });
  await state(page, "ready");
  const focused = () => page.evaluate(() => document.activeElement.title || document.activeElement.id ||
    document.activeElement.textContent);
  const path = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("Tab");
    path.push(await focused());
  }
  equal(path, ["Skip to the calendar", "Example Studio", "hello@example.org", TITLE[provider]],
    `${provider}: Tab goes in order, and into the calendar`);
  await page.locator(".skip").focus();
  ok(await page.locator(".skip").evaluate((link) => link.getBoundingClientRect().top >= 0),
    `${provider}: the skip link can be seen when it has the focus`);
  await page.keyboard.press("Enter");
  equal(await focused(), "booking", `${provider}: and leads to the calendar`);
  await context.close();
}

async function books(world, provider) {
  const site = await openPage(world, provider), { page } = site;
  await state(page, "ready");
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "10:30" }).click();
  await frame.getByLabel("Name").fill(`Zoë ${provider}`);
  await frame.getByLabel("Mail").fill("zoe@example.com");
  await frame.getByRole("button", { name: "Confirm" }).click();
  await state(page, "booked");
  ok(await page.locator("#booking-thanks").isVisible(), `${provider}: the visitor is thanked`);
  equal(await faults(site), [], `${provider}: booking violates no policy`);
  equal(world.standins.booked.filter((one) => one.provider === provider).map((one) => one.status), [200],
    `${provider}: the receiver has the signed webhook`);
  await site.context.close();
}

/* A Cal.com of one's own, and the European one: the link alone says which. */
async function elsewhere(world, provider) {
  if (provider !== "calcom") return;
  for (const [link, origin] of [["https://cal.eu/example/intro", "https://app.cal.eu"],
    ["https://booking.example.net/team/intro?layout=x", "https://booking.example.net"]]) {
    const { context, page } = await openPage(world, provider, { change: (answer) => {
      answer.body = answer.body.replaceAll(HOME.calcom, link);
      const name = "content-security-policy";
      answer.headers[name] = answer.headers[name].replaceAll("https://app.cal.com", origin);
    } });
    await state(page, "ready");
    const loaded = page.frames()[1].url();
    ok(loaded.startsWith(`${origin}${new URL(link).pathname}/embed?`) && loaded.includes("embed=booking"),
      `${link}: the calendar comes from there`, loaded);
    await context.close();
  }
}

const given = JSON.parse(read(process.argv[2]));
const standins = await startStandins({ ...given, changedPage: (url) => changedPage(given, url) });
const browser = await openBrowser(given, standins);
const world = { given, standins, browser, ok, tell };
const parts = { loads, without_script, frame_fails, least_policy, forged, accessible, keyboard, elsewhere, books,
  pictures, falls_back };
try {
  for (const name of given.parts) {
    const begin = Date.now();
    await Promise.all(Object.keys(PAGES).map((provider) => parts[name](world, provider)));
    tell({ note: `${name}: ${Date.now() - begin} ms` });
  }
  const elsewhere = standins.seen.filter((host) => host.startsWith(SITE));
  equal(elsewhere, [], "nothing of the page's own is asked of a provider");
} finally {
  await browser.close();
  standins.close();
}
