/* pictures.mjs: the pages at three widths, light and dark, beside the kept ones.

   Both are reduced to a twentieth and compared in cells, so that another machine's fonts
   hardly count, and a part that is missing, or elsewhere, does. CONTACT_KEEP=1 keeps new ones;
   CONTACT_PICTURES=DIR leaves large ones there. */

import fs from "node:fs";
import { numbers, openPage, reduced, state } from "./site.mjs";

const WIDTHS = { phone: 390, tablet: 820, desktop: 1280 };
const SMALLER = 20; // one pixel of a reduced picture is so many of the page's
const SHORT = ["calcom-phone-light", "calcom-phone-dark", "calendly-tablet-light", "calcom-desktop-light"];

/* What may differ: over all and in one cell of 4 times 4, of 255; and of the height, because other fonts
   break lines elsewhere, which moves all that follows on a phone. */
const LIMITS = { phone: [14, 60, 0.08], tablet: [7, 50, 0.08], desktop: [5, 40, 0.08] };

function differences(one, other) {
  const cell = 4, cells = new Map();
  let sum = 0;
  const rows = Math.min(one.rows, other.rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < one.columns; x++) {
      const at = (y * one.columns + x) * 4, name = `${Math.floor(x / cell)},${Math.floor(y / cell)}`;
      let apart = 0;
      for (let c = 0; c < 3; c++) apart += Math.abs(one.pixels[at + c] - other.pixels[at + c]) / 3;
      sum += apart;
      cells.set(name, (cells.get(name) || 0) + apart / cell / cell);
    }
  }
  return { mean: sum / rows / one.columns, worst: Math.max(...cells.values()),
    taller: Math.abs(one.rows - other.rows) / other.rows };
}

/* The page with its calendar, all of it, as a PNG. The window is as high as the page: a frame that reaches
   out of it is not painted. */
async function take(world, provider, width, colorScheme, change) {
  const { context, page } = await openPage(world, provider, { colorScheme, change,
    viewport: { width, height: 844 } });
  await state(page, "ready");
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  await page.frames()[1].locator("h1").waitFor();
  const png = await page.screenshot();
  await context.close();
  return png;
}

export async function pictures(world, provider) {
  const { given, ok } = world, bench = await world.browser.newPage();
  const beside = async (name, png) => {
    const columns = Math.round(WIDTHS[name.split("-")[1]] / SMALLER);
    const kept = fs.readFileSync(`${given.here}/pictures/${name}.png`);
    return differences(await numbers(bench, columns, png), await numbers(bench, columns, kept));
  };
  const alike = (name, { mean, worst, taller }) => {
    const limits = LIMITS[name.split("-")[1]];
    return mean < limits[0] && worst < limits[1] && taller < limits[2];
  };
  const say = ({ mean, worst, taller }) => `${mean.toFixed(1)} in the mean, ${worst.toFixed(1)} in one cell, ` +
    `${(100 * taller).toFixed(1)} % of the height`;
  for (const [device, width] of Object.entries(WIDTHS)) {
    for (const scheme of ["light", "dark"]) {
      const name = `${provider}-${device}-${scheme}`;
      // The two pages have one style sheet: make check looks at each width once, `make contact` at all.
      if (!given.long && !SHORT.includes(name)) continue;
      const png = await take(world, provider, width, scheme);
      if (process.env.CONTACT_PICTURES) fs.writeFileSync(`${process.env.CONTACT_PICTURES}/${name}.png`, png);
      if (process.env.CONTACT_KEEP)
        fs.writeFileSync(`${given.here}/pictures/${name}.png`, await reduced(bench, Math.round(width / SMALLER), png));
      const found = await beside(name, png);
      ok(alike(name, found), `${name}: as the kept picture (${say(found)})`);
    }
  }
  // The measure has to notice what a person would, and no more.
  const broken = {
    "the columns are gone": [1280, "desktop-light", "body{display:block}.page{display:block}"],
    "the calendar is empty": [1280, "desktop-light", ".embed{opacity:0}"],
    "dark is light": [1280, "desktop-dark", ":root{--paper:#f7f6f2;--card:#fff;--ink:#1d2421}"],
    "the words are gone": [1280, "desktop-light", ".intro{visibility:hidden}"],
    "the words are gone on a phone": [390, "phone-light", ".intro{display:none}"],
    "the page is wide on a phone": [390, "phone-dark", ".page{padding-left:0;width:75%}"],
    "the font is another on a desktop": [1280, "desktop-light", "body{font-family:'Liberation Sans'}"],
    "the font is another on a phone": [390, "phone-light", "body{font-family:'Liberation Sans'}"],
    "the card is narrow": [820, "tablet-light", ".booking{width:60%}"],
  };
  for (const [what, [width, name, css]] of Object.entries(given.long && provider === "calcom" ? broken : {})) {
    const png = await take(world, provider, width, name.split("-")[1], (answer) => {
      answer.body = answer.body.replace("</head>", `<style>${css}</style></head>`);
    });
    const found = await beside(`${provider}-${name}`, png), other = !what.startsWith("the font");
    ok(alike(`${provider}-${name}`, found) !== other, `a picture ${other ? "differs" : "does not differ"} where ${what} (${say(found)})`);
  }
  await bench.close();
}
