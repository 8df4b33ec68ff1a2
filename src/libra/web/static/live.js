// Keeps a page current while it is open. Reading and submitting work without this file.
//
// The server renders: this script fetches the same page again and takes over what has changed. So there
// is one renderer, and the script never makes HTML from text of a weighed page.
"use strict";
(() => {
  const main = document.getElementById("main");
  const away = document.getElementById("away");
  const parts = () => document.querySelectorAll("[data-live]");
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  let page = null;
  let pulse = null;
  let timer = 0;
  let pause = 250;
  let again = false;
  let busy = false;

  const age = (date) => {
    const seconds = (Date.now() - date) / 1000;
    if (seconds < 60) return "just now";
    for (const [unit, length, until] of [["min", 60, 60], ["h", 3600, 48], ["d", 86400, 60]]) {
      if (seconds < until * length) return `${Math.floor(seconds / length)} ${unit} ago`;
    }
    return date.toLocaleDateString();
  };

  const here = (date) => {
    const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
    return date.toLocaleString(undefined, { ...year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  };

  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      const local = "day" in time.dataset ? date.toLocaleDateString() : here(date);
      const text = "age" in time.dataset ? age(date) : local;
      if (time.textContent !== text) time.textContent = text;
      time.title = "age" in time.dataset ? local : time.dateTime;
    }
    // For texts that can contain no element: they begin with the time in UTC.
    for (const one of root.querySelectorAll("[data-at]")) {
      const text = one.textContent.replace(/^.{16} UTC/, () => here(new Date(one.dataset.at)));
      if (one.textContent !== text) one.textContent = text;
    }
  };

  const alike = (one, other) => one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");

  // Makes one tree equal to another without touching equal parts: focus, open parts and scroll positions
  // stay, and the id identifies a row that changes its place.
  const morph = (old, fresh) => {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && name !== "title" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const known = new Map();
    for (const child of old.children) if (child.id) known.set(child.id, child);
    const wanted = [...fresh.childNodes];
    const ids = new Set(wanted.map((child) => child.id).filter(Boolean));
    // Whether one of the new children from here on may be this old one. Text has no state worth keeping.
    const isWanted = (one, from) => one.nodeType === 1
      && (one.id ? ids.has(one.id) : wanted.slice(from).some((child) => alike(one, child)));
    let here = old.firstChild;
    for (const [at, child] of wanted.entries()) {
      let match = child.id ? known.get(child.id) : here;
      if (!child.id) while (match && !alike(match, child)) match = match.nextSibling;
      else if (match && !alike(match, child)) match = null;
      // What stood before it is gone. To move it past that would take the focus from what is in it.
      while (match && here && here !== match && !isWanted(here, at)) {
        const next = here.nextSibling;
        here.remove();
        here = next;
      }
      if (match !== here && !child.id) match = null;
      if (!match) old.insertBefore(child, here);
      else {
        if (match === here) here = here.nextSibling;
        else old.insertBefore(match, here);
        morph(match, child);
      }
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  };

  const update = (fresh) => {
    for (const part of parts()) {
      const its = fresh.getElementById(part.id);
      if (its) { localise(its); morph(part, its); }
    }
  };

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const begun = performance.now();
    let refused = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      refused = !answer.ok;
      if (answer.ok) {
        const fresh = parse(await answer.text());
        update(fresh);
        document.title = fresh.title;
        const now = fresh.getElementById("main")?.dataset ?? {};
        for (const key of ["events", "changes", "refresh"]) {
          if (now[key]) main.dataset[key] = now[key];
          else delete main.dataset[key];
        }
        if (!now.events) page?.close();
        away.hidden = true;
      } else if (answer.status === 404 && main.dataset.changes) location.reload();
    } catch {
      // The old content stays, and the next event or tick tries again.
      away.hidden = false;
    }
    busy = false;
    // A heavy page is fetched less often, so that showing it takes a quarter of the time at most.
    pause = Math.max(250, 3 * (performance.now() - begun), refused ? 5000 : 0);
    if (again) { again = false; soon(); }
  };

  const soon = () => { timer ||= setTimeout(() => { timer = 0; refresh(); }, pause); };

  const follow = () => {
    page?.close();
    pulse?.close();
    if (document.hidden) return; // Browsers allow six connections to a server: a hidden tab opens none.
    if (main.dataset.events) {
      page = new EventSource(main.dataset.events);
      page.addEventListener("report", soon);
      // The stream ends when the page is finished; then it answers 204 and the browser stops asking.
      page.addEventListener("error", soon);
    }
    pulse = new EventSource(document.body.dataset.pulse);
    pulse.addEventListener("pulse", (event) => {
      const { pages, banner } = JSON.parse(event.data);
      const shown = document.getElementById("outage");
      const told = shown.childElementCount > 0;
      const fresh = parse(`<div id="outage" data-live>${banner}</div>`).getElementById("outage");
      localise(fresh);
      morph(shown, fresh);
      away.hidden = true;
      // The start or the end of an outage changes the text about pages that are not stored yet.
      const news = main.dataset.changes !== String(pages) || told !== Boolean(banner);
      if (main.dataset.changes && news) {
        main.dataset.changes = pages;
        soon();
      }
    });
    pulse.addEventListener("error", () => {
      // Without an answer, the browser tries again itself; after a refusal it does not.
      if (pulse.readyState === EventSource.CLOSED) setTimeout(follow, 10_000);
      else away.hidden = false;
    });
  };

  const tick = () => setTimeout(async () => {
    if (!document.hidden && main.dataset.refresh) await refresh();
    tick();
  }, 1000 * Number(main.dataset.refresh));

  // A link that only sorts the content need not load the whole page again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-soft]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.replaceState(null, "", link.href.replace(/#.*/, ""));
    refresh();
  });

  // A banner that the user has folded stays folded on the next page.
  const banner = () => document.querySelector("#outage details");
  if (sessionStorage.getItem("folded") && banner()) banner().open = false;
  document.addEventListener("toggle", ({ target }) => {
    if (target !== banner()) return;
    if (target.open) sessionStorage.removeItem("folded");
    else sessionStorage.setItem("folded", "yes");
  }, true);

  // Several pasted lines do not fit into the field for one URL: they go into the field for many.
  document.getElementById("url")?.addEventListener("paste", (event) => {
    const lines = event.clipboardData.getData("text").split(/\s*\n\s*/).filter(Boolean);
    const many = document.getElementById("urls");
    if (lines.length < 2 || !many) return;
    event.preventDefault();
    many.value = `${lines.join("\n")}\n`;
    many.closest("details").open = true;
    many.focus();
  });

  localise(document);
  if ("still" in main.dataset) return;
  follow();
  if (main.dataset.refresh) tick();
  setInterval(() => localise(document), 30_000);
  document.addEventListener("visibilitychange", () => {
    follow();
    if (!document.hidden && (main.dataset.events || main.dataset.changes)) soon();
  });
})();
