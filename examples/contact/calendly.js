/* calendly.js: Calendly's inline widget in the page, and the link to it when it does not come.
   Loaded in the head, so that the page is never painted without its state (see contact.css). */
(() => {
  "use strict";
  const PATIENCE = 10000; // ms until the link is shown instead
  const ORIGIN = "https://calendly.com";
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

  /* What the frame reports is a hint for what to show, and no proof of a booking: that is the signed
     webhook alone. There is no message for "failed": the timer is for that. */
  function listen() {
    addEventListener("message", (event) => {
      const frame = document.querySelector("#booking-embed iframe");
      if (event.origin !== ORIGIN || !frame || event.source !== frame.contentWindow) return;
      const { event: type, payload } = event.data || {};
      const viewed = type === "calendly.event_type_viewed" || type === "calendly.profile_page_viewed";
      if (viewed && page.dataset.booking === "loading") {
        clearTimeout(timer);
        show("ready", "The calendar is ready.");
      } else if (type === "calendly.page_height") {
        const height = parseFloat(payload && payload.height); // "712px"; a few pixels before it is drawn
        if (height > 300 && height < 4000) frame.style.height = height + "px";
      } else if (type === "calendly.event_scheduled" && page.dataset.booking === "ready") {
        show("booked", part("thanks").textContent);
      }
    });
  }

  function start() {
    const script = document.createElement("script");
    show("loading", "The calendar is loading.");
    timer = setTimeout(fail, PATIENCE);
    listen();
    script.src = "https://assets.calendly.com/assets/external/widget.js";
    script.async = true;
    script.onerror = fail;
    script.onload = () => {
      if (page.dataset.booking !== "loading") return;
      if (!window.Calendly) return fail();
      window.Calendly.initInlineWidget({ url: part("link").href, parentElement: part("embed") });
    };
    document.head.append(script);
  }

  page.dataset.booking = "loading";
  document.addEventListener("DOMContentLoaded", start);
})();
