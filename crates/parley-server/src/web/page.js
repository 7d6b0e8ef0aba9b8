"use strict";
// What stands after the # never leaves this browser: it is read here and handed to the app, nothing else.
(() => {
  const room = location.pathname.replace(/^\/r\//, "").replace(/\/+$/, "");
  const secret = location.hash.slice(1);
  const open = document.getElementById("open");
  const copy = document.getElementById("copy");
  const state = document.getElementById("state");
  const say = (text, warn) => { state.textContent = text; state.classList.toggle("warn", !!warn); };

  if (!/^[A-Za-z0-9_-]{22}(\.[A-Za-z0-9_.-]{1,2048})?$/.test(secret)) {
    say("The last part of the link, after the #, is missing, incomplete or damaged. Ask for the whole link again.", true);
    return;
  }
  // A deep link means TLS, except to a host on the own network: say so where the page came the other way.
  const host = location.hostname.replace(/^\[|\]$/g, "");
  const local = /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/.test(host)
    || host.endsWith(".local");
  const secure = location.protocol === "https:";
  const hint = secure && local ? "?tls" : !secure && !local ? "?plain" : "";
  open.href = `parley://join/${location.host}/${room}${hint}#${secret}`;
  open.hidden = false;
  copy.hidden = false;
  open.addEventListener("click", () => say("Parley opens. You may close this page."));
  copy.addEventListener("click", async () => {
    if (await toClipboard(location.href)) say("Copied. Paste it into Parley.");
    else say("Copy the address of this page from the address bar, and paste it into Parley.", true);
  });

  // navigator.clipboard is there by TLS only; on a plain-http network the old way still works.
  async function toClipboard(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* the old way, below */ }
    const field = document.createElement("textarea");
    field.value = text;
    field.setAttribute("readonly", "");
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
})();
