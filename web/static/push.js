// Lets this device be rung: registers the worker, asks the browser, and hands the subscription to the server.
"use strict";
const button = document.getElementById("allow");
const said = document.getElementById("said");

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

async function allow() {
  const registration = await navigator.serviceWorker.register("/worker.js");
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Error("The browser does not allow notifications of this site. Allow them in its settings and press again.");
  }
  await navigator.serviceWorker.ready;
  const before = await registration.pushManager.getSubscription();
  if (before) {
    await before.unsubscribe(); // it may be of another key
  }
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(button.dataset.key) });
  const { endpoint, keys } = subscription.toJSON();
  const answer = await fetch("/push/devices", {
    method: "POST", redirect: "error", body: new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth }),
  });
  if (!answer.ok) {
    await subscription.unsubscribe();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error(page.querySelector("main p, p")?.textContent ?? "The server refused.");
  }
  return answer.text();
}

if ("serviceWorker" in navigator && "PushManager" in window) {
  said.textContent = "";
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      said.textContent = await allow();
    } catch (fault) {
      said.textContent = fault.message;
    }
    button.disabled = false;
  });
} else {
  button.disabled = true;
  said.textContent = "This browser cannot be rung here. It needs https, and on an iPhone the page on the home screen.";
}
