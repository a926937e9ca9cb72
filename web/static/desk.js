// The desk's keys and live list. Every page works without this file.
"use strict";

// A list that is on the screen asks to be told of changes and fetches itself again.
function follow() {
  const list = document.getElementById("list");
  if (!list || !window.EventSource || !list.dataset.live) return;
  const news = new EventSource(list.dataset.live);
  let waiting = 0;
  let held = null;
  // What somebody has under their hands is noted just before the list is replaced, not when it is asked for: whoever went on
  // to the search meanwhile stays there, or what they type would be taken for keys of the list.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const old = document.getElementById("list");
    if (event.detail.target !== old) return;
    const at = document.activeElement;
    const row = rowOf(at);
    let focus = "";
    if (row) focus = `[data-number="${row.dataset.number}"] ${at.matches(".tick") ? ".tick" : ".title"}`;
    else if (old.contains(at) && at.hasAttribute("formaction")) focus = `#list [formaction="${at.getAttribute("formaction")}"]`;
    held = {
      focus,
      chosen: document.getElementById("bulk-classification")?.value,
      ticked: [...old.querySelectorAll(".tick:checked")].map((box) => box.value),
      known: new Set([...old.querySelectorAll("[data-number]")].map((row) => row.dataset.number)),
    };
  });
  const refresh = () => {
    waiting = 0;
    if (document.hidden) { stale = true; return; }
    htmx.ajax("GET", document.getElementById("list").dataset.here, { target: "#list", select: "#list", swap: "outerHTML" }).then(() => {
      if (!held) return;
      for (const box of document.querySelectorAll(".tick")) box.checked = held.ticked.includes(box.value);
      for (const row of document.querySelectorAll("[data-number]")) if (!held.known.has(row.dataset.number)) row.classList.add("fresh");
      const classification = document.getElementById("bulk-classification");
      if (classification && held.chosen) classification.value = held.chosen;
      if (held.focus && document.activeElement === document.body) document.querySelector(held.focus)?.focus();
      held = null;
    });
  };
  let stale = false;
  news.addEventListener("changed", () => { if (!waiting) waiting = setTimeout(refresh, 300); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) { stale = false; refresh(); } });
}

const rows = () => [...document.querySelectorAll("[data-number]")].filter((row) => row.offsetParent !== null);
const rowOf = (element) => (element && element.closest ? element.closest("[data-number]") : null);

function focusRow(row) {
  if (row) row.querySelector(".title").focus();
}

function move(step) {
  const all = rows();
  const at = all.indexOf(rowOf(document.activeElement));
  focusRow(all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)]);
}

// act presses a button of the ticked tickets' form; where none is ticked, for the ticket that has the focus.
function act(action) {
  const form = document.querySelector(".bulk");
  const button = form && [...form.querySelectorAll("button")].find((b) => new URL(b.formAction).pathname === action);
  if (!button) return;
  const row = rowOf(document.activeElement);
  if (!form.querySelector(".tick:checked") && row) row.querySelector(".tick").checked = true;
  if (form.querySelector(".tick:checked")) form.requestSubmit(button);
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  x: () => { const row = rowOf(document.activeElement); if (row) { const box = row.querySelector(".tick"); if (box) box.checked = !box.checked; } },
  a: () => act("/tickets/acknowledge"),
  r: () => act("/tickets/resolve"),
  "/": () => document.getElementById("q")?.focus(),
  "?": () => document.querySelector(".keyhelp")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

follow();
