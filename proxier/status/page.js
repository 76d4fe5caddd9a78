// Fetches the page anew while somebody looks at it, and shows what has changed. The server has escaped it.
"use strict";

const EVERY_MS = 1000;
const PATIENCE_MS = 10000;

async function refresh() {
  const here = location.origin + location.pathname; // without a password that the address may hold
  const answer = await fetch(here, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  const shown = document.querySelector("main");
  for (const open of shown.querySelectorAll("details[open]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = document.activeElement?.closest("details")?.id;
  shown.replaceWith(document.adoptNode(fresh));
  if (focused) document.getElementById(focused)?.querySelector("summary").focus();
}

async function follow() {
  const notice = document.getElementById("notice");
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    if (document.hidden) continue;
    try {
      await refresh();
      notice.hidden = true;
    } catch (error) {
      if (notice.hidden) notice.textContent = `Since ${new Date().toLocaleTimeString()} the proxier does not answer: ${error.message}`;
      notice.hidden = false;
    }
  }
}

follow();
