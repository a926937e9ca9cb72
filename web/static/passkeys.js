// Signs in with a passkey, or adds one: hands the server's challenge to the browser and the browser's answer to the server.
"use strict";
const button = document.getElementById("passkey");
const said = document.getElementById("said");

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST", redirect: "error", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server did not answer. Load this page again.");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(content.error ?? "The server failed to answer. Try again in a moment.");
  }
  return content;
}

function listed(credentials) {
  return (credentials ?? []).map((credential) => ({ ...credential, id: bytes(credential.id) }));
}

// The members of both kinds of answers; the server reads those of the one that it waits for.
const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function written(credential) {
  const response = {};
  for (const part of parts) {
    if (credential.response[part]) {
      response[part] = text(credential.response[part]);
    }
  }
  if (credential.response.getTransports) {
    response.transports = credential.response.getTransports();
  }
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined, clientExtensionResults: {},
  };
}

async function signIn() {
  const path = button.dataset.ask;
  const { token, options } = await post(path, {});
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) };
  const credential = await navigator.credentials.get({ publicKey });
  return post(path + "/answer", { token, next: button.dataset.next, answer: written(credential) });
}

async function make() {
  const name = document.getElementById("passkey-name").value.trim();
  if (!name) {
    document.getElementById("passkey-name").focus();
    throw new Error("Give the passkey a name, like the device that holds it.");
  }
  const path = button.dataset.make;
  const { token, options } = await post(path, {});
  const publicKey = {
    ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials),
  };
  const credential = await navigator.credentials.create({ publicKey });
  return post(path + "/answer", { token, name, answer: written(credential) });
}

// What browsers say of faults is for programmers.
const faults = {
  NotAllowedError: "No passkey answered, or it took too long. Try again.",
  InvalidStateError: "This device has a passkey of yours already.",
  SecurityError: "Passkeys belong to another address than this one. Open this desk by the address that its messages link to.",
  NotSupportedError: "This device cannot hold a passkey that checks who uses it.",
};

if (window.PublicKeyCredential) {
  said.textContent = "";
  button.hidden = button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.textContent = "Waiting for the passkey…";
    try {
      const { to } = await (button.dataset.make ? make() : signIn());
      location.assign(to);
    } catch (fault) {
      said.textContent = faults[fault.name] ?? fault.message;
      button.disabled = false;
    }
  });
}
