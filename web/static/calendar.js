// Dragging over a calendar's first line fills in the form of an override. The page works without this file: the form can
// be typed into, and each row of the table leads to it.
"use strict";

const quarter = 15 * 60 * 1000;

// wall is an instant as an input of a local time holds it, in the schedule's time zone.
function wall(instant, zone) {
  const parts = {};
  for (const part of new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(instant)) parts[part.type] = part.value;
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function draggable(strip, zone, chosen) {
  const first = Number(strip.dataset.start), last = Number(strip.dataset.end);
  const grip = element("rect", { class: "grip", x: 0, y: strip.dataset.top, width: "100%", height: strip.dataset.height });
  const frame = element("rect", { class: "chosen", y: strip.dataset.top, height: strip.dataset.height, width: 0 });
  strip.append(frame, grip);
  const at = (event) => {
    const box = strip.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    return Math.round((first + share * (last - first)) / quarter) * quarter;
  };
  let from = null;
  const draw = (to) => {
    const share = (instant) => (100 * (instant - first)) / (last - first);
    frame.setAttribute("x", `${share(Math.min(from, to))}%`);
    frame.setAttribute("width", `${Math.abs(share(to) - share(from))}%`);
  };
  grip.addEventListener("pointerdown", (event) => {
    from = at(event);
    grip.setPointerCapture(event.pointerId);
    draw(from);
  });
  grip.addEventListener("pointermove", (event) => { if (from !== null) draw(at(event)); });
  grip.addEventListener("pointercancel", () => { from = null; frame.setAttribute("width", 0); });
  grip.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const to = at(event), begin = Math.min(from, to), end = Math.max(from, to);
    from = null;
    if (end > begin) chosen(wall(begin, zone), wall(end, zone));
    else frame.setAttribute("width", 0);
  });
}

const calendar = document.querySelector(".calendar");
const form = document.querySelector(".overriding");
if (calendar && form) {
  document.querySelector(".draghelp").hidden = false;
  for (const strip of calendar.querySelectorAll(".strip")) {
    draggable(strip, calendar.dataset.zone, (start, end) => {
      form.elements.start.value = start;
      form.elements.end.value = end;
      document.getElementById("dragged").textContent = `Chosen: ${start.replace("T", " ")} to ${end.replace("T", " ")}. Choose who, and override.`;
      form.elements.person.focus();
    });
  }
}
