/* standins.mjs: app.cal.com, a Cal.com of one's own, assets.calendly.com and calendly.com, on loopback.

   Each does to the page that embeds it what the provider's public sources (Cal.com: embed-core) or pages
   that its script has worked on (Calendly) show: elements, <style>, style attributes, messages. Their code is
   not here. `trouble` says what goes wrong at present, by the page's ?trouble=. */

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";

/* embed.js: a style sheet as an element, the frame in <cal-inline> with style attributes, hidden until the
   frame is ready; messages of any origin are believed. */
const EMBED_JS = `(() => {
  const cal = window.Cal;
  if (!cal || !cal.q) throw new Error("Cal is not defined. This shouldn't happen");
  document.head.appendChild(document.createElement("style")).innerHTML =
    ".cal-embed{border:0;min-height:300px;margin:0 auto;width:100%}";
  const config = {};
  let frame, inline;
  const api = {
    init(namespace, options) { config.namespace = namespace; config.origin = options.origin; },
    inline({ calLink, elementOrSelector, config: given }) {
      const to = typeof elementOrSelector === "string"
        ? document.querySelector(elementOrSelector) : elementOrSelector;
      frame = document.createElement("iframe");
      frame.className = "cal-embed";
      frame.name = "cal-embed=" + config.namespace;
      frame.title = "Book a call";
      frame.setAttribute("allow", "payment");
      frame.style.visibility = "hidden";
      frame.style.width = frame.style.height = "100%";
      const url = new URL(config.origin + "/" + calLink);
      url.pathname += "/embed";
      url.searchParams.set("embed", config.namespace);
      for (const [name, value] of Object.entries(given || {})) url.searchParams.set(name, value);
      frame.src = url.toString();
      to.classList.add("cal-inline-container");
      const template = document.createElement("template");
      template.innerHTML = '<cal-inline style="max-height:inherit;height:inherit;min-height:inherit;display:flex;'
        + 'position:relative;flex-wrap:wrap;width:100%"></cal-inline><style>.cal-inline-container::'
        + '-webkit-scrollbar{display:none}.cal-inline-container{scrollbar-width:none}</style>';
      inline = template.content.children[0];
      inline.appendChild(frame);
      to.appendChild(template.content);
      getComputedStyle(inline).display === "flex" || console.error("embed.js: style attributes are lost");
    },
    initNamespace(namespace) { cal.ns[namespace].q.forEach(run); },
    on() {},
  };
  function run([name, ...args]) { api[name](...args); }
  addEventListener("message", (event) => {
    const type = event.data.fullType && event.data.fullType.split(":")[2];
    if (!type || !frame) return;
    if (type === "__iframeReady") {
      frame.style.visibility = "";
      frame.contentWindow.postMessage({ originator: "CAL", method: "parentKnowsIframeReady" }, "*");
    } else if (type === "__dimensionChanged") {
      frame.style.height = event.data.data.iframeHeight + "px";
    }
  });
  cal.q.forEach(run);
})();`;

/* widget.js: a spinner without styles and a frame with attributes. The style attribute comes with the
   class name alone, which the page does not use. */
const WIDGET_JS = `window.Calendly = {
  initInlineWidget({ url, parentElement, inlineStyles }) {
    parentElement.innerHTML = '<div class="calendly-spinner"><div class="calendly-bounce1"></div></div>';
    if (inlineStyles) parentElement.setAttribute("style", "position:relative;" + parentElement.getAttribute("style"));
    const frame = document.createElement("iframe"), to = new URL(url);
    to.searchParams.set("embed_domain", location.host);
    to.searchParams.set("embed_type", "Inline");
    frame.src = to.toString();
    frame.width = frame.height = "100%";
    frame.frameBorder = "0";
    frame.title = "Select a Date & Time - Calendly";
    parentElement.appendChild(frame);
  },
};
document.querySelectorAll(".calendly-inline-widget").forEach((parentElement) =>
  Calendly.initInlineWidget({ url: parentElement.dataset.url, parentElement, inlineStyles: true }));`;

/* A month without dates, so that pictures of it stay the same. */
function bookingPage(provider, query) {
  const days = Array.from({ length: 35 }, (_, i) => {
    const day = i - 1, free = day > 6 && day < 30 && ![5, 6].includes(i % 7) && day % 4;
    if (day < 1 || day > 31) return "<i></i>";
    return free ? `<button type="button" class="free${day === 17 ? " on" : ""}">${day}</button>` : `<i>${day}</i>`;
  });
  const times = ["09:00", "10:30", "13:00", "14:30", "16:00"].map((time) =>
    `<button type="button" class="time">${time}</button>`);
  const names = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].map((name) => `<b>${name}</b>`);
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Intro call</title><style>
:root{color-scheme:light dark;--i:#1d2421;--s:#626a66;--l:#dcdcd6;--f:#eef0ee;--b:#fff;--a:#1d2421;--o:#fff}
@media(prefers-color-scheme:dark){:root{--i:#eef1ef;--s:#a5b0ab;--l:#39413d;--f:#2c3330;--b:#1b201e;--a:#eef1ef;--o:#1b201e}}
body{margin:0;background:var(--b);color:var(--i);font:15px/1.45 system-ui,Arial,sans-serif}
main{display:grid;gap:1.5rem;padding:1.75rem}h1{font-size:1.15rem;margin:0 0 .3rem}p{margin:0;color:var(--s)}
h2{font-size:1rem;margin:0 0 .8rem}.days{display:grid;grid-template-columns:repeat(7,1fr);gap:.3rem;text-align:center}
.days>*{aspect-ratio:1.12;display:grid;place-items:center;font:inherit;font-weight:500;border:0;border-radius:.6rem;background:none;color:var(--s)}
.days b{aspect-ratio:auto;font-size:.8rem}.days i{font-style:normal}.days .free{background:var(--f);color:var(--i)}
.days .on{background:var(--a);color:var(--o)}.times{display:grid;gap:.5rem;align-content:start}
.time,form button{font:inherit;padding:.6rem;border:1px solid var(--l);border-radius:.6rem;background:none;color:inherit}
form{display:none;gap:.7rem}.form form{display:grid}.form .times{display:none}
input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}
@media(min-width:36rem){main{grid-template-columns:1fr 9rem}header{grid-column:1/-1}}
</style></head><body><main><header><h1>Intro call</h1><p>Olga Example · 30 minutes · video</p></header>
<section><h2>A month</h2><div class="days">${names.join("")}${days.join("")}</div></section>
<section><h2>17</h2><div class="times">${times.join("")}</div>
<form><label>Name<input name="name" required></label><label>Mail<input name="email" type="email" required></label>
<button>Confirm</button></form></section></main><script>
const provider = ${JSON.stringify(provider)}, namespace = ${JSON.stringify(query.get("embed") || "")};
const trouble = ${JSON.stringify(query.get("trouble") || "")};
function report(type, data) {
  parent.postMessage(provider === "calcom"
    ? { originator: "CAL", type, namespace, fullType: "CAL:" + namespace + ":" + type, data }
    : { event: "calendly." + type, payload: data }, "*");
}
const height = () => document.querySelector("main").scrollHeight;
if (provider === "calendly") {
  report("event_type_viewed", {});
  report("page_height", { height: "8px" });
  report("page_height", { height: height() + "px" });
} else if (trouble === "failed") {
  report("linkFailed", { code: 404, msg: "Not found", data: { url: location.href } });
} else if (namespace) {
  document.body.style.visibility = "hidden"; // as the real one, until the parent's script answers
  addEventListener("message", (event) => {
    if (event.data.method !== "parentKnowsIframeReady") return;
    document.body.style.visibility = "";
    report("__dimensionChanged", { iframeHeight: height() });
    report("linkReady", {});
  });
  report("__iframeReady", { isPrerendering: false });
}
for (const time of document.querySelectorAll(".time"))
  time.onclick = () => document.body.classList.add("form");
document.querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
  const made = await (await fetch("/book", { method: "POST", body })).json();
  if (provider === "calcom") report("bookingSuccessfulV2", { uid: made.uid, title: "Intro call" });
  else report("event_scheduled", { event: { uri: made.uid }, invitee: { uri: made.uid } });
};
</script></body></html>`;
}

/* As the providers send it: signed with the secret that they share with the receiver. */
function webhook(provider, visitor, given) {
  const { sample, secret, hooks } = given;
  const body = JSON.parse(fs.readFileSync(sample[provider], "utf-8"));
  const uid = crypto.randomBytes(12).toString("hex"), now = new Date().toISOString();
  const headers = { "Content-Type": "application/json" };
  if (provider === "calcom") {
    body.createdAt = now;
    Object.assign(body.payload, { uid });
    Object.assign(body.payload.attendees[0], visitor);
  } else {
    body.created_at = now;
    body.payload.uri = body.payload.uri.replace(/[^/]+$/, uid);
    Object.assign(body.payload, visitor);
  }
  const raw = JSON.stringify(body), hmac = crypto.createHmac("sha256", secret[provider]);
  if (provider === "calcom") {
    headers["X-Cal-Signature-256"] = hmac.update(raw).digest("hex");
  } else {
    const t = Math.floor(Date.now() / 1000);
    headers["Calendly-Webhook-Signature"] = `t=${t},v1=${hmac.update(`${t}.${raw}`).digest("hex")}`;
  }
  headers["Content-Length"] = Buffer.byteLength(raw);
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: hooks.socket, path: hooks.path[provider], method: "POST", headers },
      (answer) => { answer.resume(); answer.on("end", () => resolve({ provider, uid, status: answer.statusCode })); });
    request.on("error", reject);
    request.end(raw);
  });
}

/* given: key, cert, changedPage of site.mjs, and what webhook() takes. Returns {port, seen, trouble, close}; `trouble` is for the
   scripts, by host: "refused", "slow" (never answered), "wrong" (an error page). */
export async function startStandins(given) {
  const seen = [], booked = [], trouble = {}, held = new Set();
  const server = https.createServer({ key: given.key, cert: given.cert }, async (request, answer) => {
    const host = request.headers.host.replace(/:\d+$/, "");
    const url = new URL(request.url, `https://${host}`);
    const provider = /calendly\.com$/.test(host) ? "calendly" : "calcom";
    const script = { calcom: ["/embed/embed.js", EMBED_JS],
      calendly: ["/assets/external/widget.js", WIDGET_JS] }[provider];
    if (host === "changed.example.org") {
      const { status, headers, body } = await given.changedPage(url);
      return answer.writeHead(status, headers).end(body);
    }
    seen.push(`${host}${url.pathname}`);
    const send = (status, type, body) => {
      answer.writeHead(status, { "Content-Type": type, "Cache-Control": "max-age=60" });
      answer.end(body);
    };
    if (url.pathname === script[0]) {
      if (trouble[host] === "refused") return request.socket.destroy();
      if (trouble[host] === "slow") return held.add(answer);
      if (trouble[host] === "wrong") return send(503, "text/html", "<h1>Maintenance</h1>");
      return send(200, "text/javascript", script[1]);
    }
    if (url.pathname === "/book") {
      let body = "";
      for await (const piece of request) body += piece;
      const made = await webhook(provider, JSON.parse(body), given);
      booked.push(made);
      return send(200, "application/json", JSON.stringify(made));
    }
    if (url.pathname === "/forger") return send(200, "text/html", forger(url.searchParams));
    if (url.searchParams.get("trouble") === "error")
      return send(502, "text/html", "<!DOCTYPE html><title>502</title><h1>Bad gateway</h1>");
    return send(200, "text/html", bookingPage(provider, url.searchParams));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, seen, booked, trouble, close() {
    held.forEach((answer) => answer.destroy());
    server.closeAllConnections();
    server.close();
  } };
}

/* A frame of another host, an advertisement perhaps, that says what the calendar's frame would say. */
function forger() {
  return `<!DOCTYPE html><title>Forger</title><body><script>
const says = [null, 7, "linkReady", [], { fullType: 1 }, { event: {} }];
for (const type of ["__iframeReady", "linkReady", "linkFailed", "bookingSuccessfulV2"])
  says.push({ originator: "CAL", type, namespace: "booking", fullType: "CAL:booking:" + type,
    data: { uid: "forged", code: 500, iframeHeight: 9 } });
for (const event of ["calendly.event_type_viewed", "calendly.page_height", "calendly.event_scheduled"])
  says.push({ event, payload: { height: "3999px", event: { uri: "forged" } } });
for (const said of says) parent.postMessage(said, "*");
document.body.id = "said";
</script>`;
}
