import { element } from "./element.ts";
import { type ImageName, printName } from "./image-name.ts";

/** How each client is told to fetch an image. */
const CLIENTS: Readonly<Record<string, (image: string) => string>> = {
  corten: (image) => `corten pull ${image}`,
  docker: (image) => `docker pull ${image}`,
  podman: (image) => `podman pull ${image}`,
  skopeo: (image) => `skopeo copy docker://${image} oci:image`,
  containerd: (image) => `ctr images pull ${image}`,
};
const ARTIFACT_CLIENTS: typeof CLIENTS = {
  corten: (image) => `corten artifact pull ${image}`,
  oras: (image) => `oras pull ${image}`,
};

/** A line to copy, with a choice of the client; the choice is remembered. */
export function pullCommand(name: ImageName, kind: "image" | "artifact" = "image"): HTMLElement {
  const clients = kind === "image" ? CLIENTS : ARTIFACT_CLIENTS;
  const remembered = localStorage.getItem("client") ?? "";
  let client = Object.hasOwn(clients, remembered) ? remembered : "corten";
  const image = `${location.host}/${printName(name)}`;
  const command = () => clients[client]?.(image) ?? "";
  const code = element("code", {}, command());
  const choice = element(
    "select",
    {
      "aria-label": "Client",
      change: () => {
        client = choice.value;
        localStorage.setItem("client", client);
        code.textContent = command();
      },
    },
    Object.keys(clients).map((each) => element("option", { selected: each === client }, each)),
  );
  return element("div", { class: "command" }, choice, code, copyButton(command, "Copy the command"));
}

/** A button that puts a text on the clipboard, and says so. */
export function copyButton(text: () => string, label: string): HTMLButtonElement {
  const button = element(
    "button",
    {
      type: "button",
      class: "copy",
      "aria-label": label,
      click: async () => {
        const done = await copy(text());
        button.textContent = done ? "Copied" : "Select and copy";
        announce(done ? "Copied" : "The browser does not let this page copy");
        setTimeout(() => {
          button.textContent = "Copy";
        }, 1600);
      },
    },
    "Copy",
  );
  return button;
}

/** Tells something to who listens instead of looking. */
export function announce(text: string): void {
  const status = document.getElementById("status");
  if (status !== null) status.textContent = text;
}

/** navigator.clipboard is missing where the page came over plain HTTP from another machine. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
