// Keeps an open page up to date, and lets it be used without a mouse. Everything works without this script, too.
"use strict";
(() => {
  const body = document.body;
  const pulse = document.getElementById("pulse");
  let seen = Number(body.dataset.seen) * 1000;
  let busy = false;
  let again = false;

  function describeAge(milliseconds) {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return `${Math.floor(seconds / 3600)} h ago`;
  }

  function showAge(connected) {
    if (!pulse) return;
    pulse.classList.toggle("off", !connected);
    pulse.textContent = connected ? `live, changed ${describeAge(Date.now() - seen)}` : "not connected";
  }

  // Opened parts of the page stay open, and what is typed stays typed.
  function keepState(from, to) {
    const open = [...from.querySelectorAll("details")].map((each) => each.open);
    to.querySelectorAll("details").forEach((each, k) => { if (k < open.length) each.open = open[k]; });
    const scrolled = [...from.querySelectorAll(".scroll, .drawing, .code, pre")].map((each) => [each.scrollLeft, each.scrollTop]);
    return () => to.querySelectorAll(".scroll, .drawing, .code, pre").forEach((each, k) => {
      if (k < scrolled.length) [each.scrollLeft, each.scrollTop] = scrolled[k];
    });
  }

  async function refresh() {
    if (busy) { again = true; return; }
    const main = document.getElementById("main");
    if (main.contains(document.activeElement) && document.activeElement.matches("input, select")) return;
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("main");
      const focused = document.activeElement && document.activeElement.getAttribute("href");
      const scroll = keepState(main, next);
      main.replaceWith(document.adoptNode(next));
      scroll();
      if (focused) {
        const same = [...next.querySelectorAll("a[href]")].find((each) => each.getAttribute("href") === focused);
        if (same) same.focus({ preventScroll: true });
      }
      seen = Date.now();
      if (page.body.dataset.live === "no" && events) { events.close(); showAge(false); if (pulse) pulse.textContent = "finished"; clearInterval(clock); }
    } catch { /* the server is gone for a moment; the connection comes back by itself */ } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  }

  let events = null;
  let clock = 0;
  if (body.dataset.live === "yes") {
    events = new EventSource("/live");
    events.addEventListener("change", () => {
      seen = Date.now();
      showAge(true);
      if (!document.hidden) refresh();
    });
    // What was written between the page and the connection, or while it was broken, is in the page that comes now.
    events.addEventListener("open", () => { showAge(true); refresh(); });
    events.addEventListener("error", () => showAge(false));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
    clock = setInterval(() => showAge(events.readyState === EventSource.OPEN), 1000);
  }

  function moveRow(step) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step));
    rows[next].focus();
    rows[next].scrollIntoView({ block: "nearest" });
  }

  function follow(selector) {
    const found = document.querySelector(selector);
    if (found) location.href = found.href;
  }

  const keys = {
    j: () => moveRow(1),
    k: () => moveRow(-1),
    n: () => follow("a[rel=next]"),
    p: () => follow("a[rel=prev]"),
    u: () => follow("[data-up]"),
    g: () => { location.href = "/"; },
    "/": () => {
      const found = document.querySelector("[data-search]");
      if (found) found.focus();
      else location.href = "/";
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
})();
