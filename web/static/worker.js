// Shows what arrives, and acknowledges or opens it when it is pressed.
"use strict";
self.addEventListener("push", (event) => {
  const note = event.data.json();
  event.waitUntil(
    self.registration.showNotification(note.title, {
      body: note.body, tag: note.tag, renotify: Boolean(note.tag), requireInteraction: true, vibrate: [400, 200, 400, 200, 400],
      data: { url: note.url }, actions: note.acknowledge ? [{ action: "acknowledge", title: "I have it" }] : [],
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  const url = event.notification.data.url;
  event.notification.close();
  if (!url) {
    return;
  }
  if (event.action === "acknowledge" && new URL(url).origin === self.location.origin) {
    event.waitUntil(
      fetch(url, { method: "POST" }).then((answer) => {
        const title = answer.ok ? "Acknowledged" : "Not acknowledged: open the link";
        return self.registration.showNotification(title, { tag: event.notification.tag, data: { url } });
      }, () => self.clients.openWindow(url)),
    );
    return;
  }
  event.waitUntil(self.clients.openWindow(url));
});
