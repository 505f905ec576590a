/* calcom.js: Cal.com's inline calendar in the page, and the link to it when it does not come.
   Loaded in the head, so that the page is never painted without its state (see contact.css). */
(() => {
  "use strict";
  const PATIENCE = 10000; // ms until the link is shown instead
  const NAMESPACE = "booking";
  const page = document.documentElement;
  const part = (name) => document.getElementById("booking-" + name);
  let timer;

  function show(state, status) {
    page.dataset.booking = state;
    document.getElementById("booking").setAttribute("aria-busy", String(state === "loading"));
    part("status").textContent = status;
  }

  // Final: a calendar that comes later must not replace the link that a visitor is about to use.
  function fail() {
    if (page.dataset.booking !== "loading") return;
    clearTimeout(timer);
    part("embed").remove();
    part("why").textContent = "Our calendar does not load here. Its own page has the same free times.";
    show("failed", "The calendar does not load. There is a link to its own page, and a mail address.");
  }

  // The queue that embed.js expects to find, as Cal.com documents it.
  function queue() {
    const push = (api, args) => api.q.push(args);
    const Cal = (...args) => {
      const [action, namespace] = args;
      if (action !== "init" || typeof namespace !== "string") return push(Cal, args);
      const api = (...more) => push(api, more);
      api.q = [];
      Cal.ns[namespace] = Cal.ns[namespace] || api;
      push(Cal.ns[namespace], args);
      push(Cal, ["initNamespace", namespace]);
    };
    Cal.ns = {};
    Cal.q = [];
    Cal.loaded = true;
    return Cal;
  }

  /* What the frame reports is a hint for what to show, and no proof of a booking: that is the signed
     webhook alone. Cal.com's own listener accepts messages of any frame, so this one checks. */
  function listen(origin) {
    const origins = [origin, origin.replace("://app.", "://")]; // the other one: routing forms
    addEventListener("message", (event) => {
      const frame = document.querySelector("#booking-embed iframe");
      if (!origins.includes(event.origin) || !frame || event.source !== frame.contentWindow) return;
      const type = event.data && event.data.fullType;
      if (type === `CAL:${NAMESPACE}:linkReady` && page.dataset.booking === "loading") {
        clearTimeout(timer);
        show("ready", "The calendar is ready.");
      } else if (type === `CAL:${NAMESPACE}:linkFailed`) {
        fail();
      } else if (type === `CAL:${NAMESPACE}:bookingSuccessfulV2` && page.dataset.booking === "ready") {
        show("booked", part("thanks").textContent);
      }
    });
  }

  function start() {
    const link = new URL(part("link").href);
    // Cal.com serves its embed from app.cal.com, app.cal.eu; your own Cal.com from where it is.
    const origin = link.origin.replace(/^https:\/\/cal\.(com|eu)$/, "https://app.cal.$1");
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const script = document.createElement("script");
    show("loading", "The calendar is loading.");
    timer = setTimeout(fail, PATIENCE);
    listen(origin);
    window.Cal = queue();
    window.Cal("init", NAMESPACE, { origin });
    window.Cal.ns[NAMESPACE]("inline", {
      elementOrSelector: part("embed"),
      calLink: link.pathname.replace(/^\/|\/$/g, "") + link.search,
      config: { layout: "month_view", theme: dark.matches ? "dark" : "light" },
    });
    script.src = origin + "/embed/embed.js";
    script.async = true;
    script.onerror = fail;
    document.head.append(script);
  }

  page.dataset.booking = "loading";
  document.addEventListener("DOMContentLoaded", start);
})();
