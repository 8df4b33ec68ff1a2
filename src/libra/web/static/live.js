// Fills a page in while it is open. Everything reads and submits without this file.
//
// The server renders; what has changed is taken from the same page fetched again. So there is one
// renderer, and no text of a weighed page is ever put together to HTML here.
"use strict";
(() => {
  const main = document.getElementById("main");
  const parts = () => document.querySelectorAll("[data-live]");
  const shown = new Map([...parts()].map((part) => [part.id, part.innerHTML]));
  let source = null;
  let timer = 0;
  let pause = 250;
  let again = false;
  let busy = false;

  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      time.textContent = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
      time.title = time.dateTime;
    }
  };

  const swap = (part, fresh) => {
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceChildren(...fresh.childNodes);
    localise(part);
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const begun = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of parts()) {
          const fresh = page.getElementById(part.id);
          const html = fresh?.innerHTML;
          if (fresh && html !== shown.get(part.id)) { shown.set(part.id, html); swap(part, fresh); }
        }
        document.title = page.title;
        const now = page.getElementById("main")?.dataset ?? {};
        if (!now.events) { delete main.dataset.events; source?.close(); }
        if (!now.refresh) delete main.dataset.refresh;
      }
    } catch {
      // The server is away: what is shown stays, and the next event or tick tries again.
    }
    busy = false;
    // A heavy page is fetched less often, so that showing it never takes more than a quarter of the time.
    pause = Math.max(250, 3 * (performance.now() - begun));
    if (again) { again = false; soon(); }
  };

  const soon = () => { timer ||= setTimeout(() => { timer = 0; refresh(); }, pause); };

  const follow = () => {
    source = new EventSource(main.dataset.events);
    source.addEventListener("report", soon);
    // The stream ends when the page is finished; then it answers 204 and the browser stops asking.
    source.addEventListener("error", soon);
  };

  const tick = () => setTimeout(async () => {
    if (!document.hidden && main.dataset.refresh) await refresh();
    if (main.dataset.refresh) tick();
  }, 1000 * Number(main.dataset.refresh));

  localise(document);
  if (main.dataset.events) {
    follow();
    // Browsers allow six connections to a server; a tab that nobody sees gives its own back.
    document.addEventListener("visibilitychange", () => {
      source.close();
      if (!document.hidden && main.dataset.events) { follow(); soon(); }
    });
  } else if (main.dataset.refresh) tick();
})();
