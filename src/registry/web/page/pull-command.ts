import { kindOfManifest } from "./artifact-kind.ts";
import { isImageConfig, type Manifest } from "./documents.ts";
import { element } from "./element.ts";
import { type ImageName, printName } from "./image-name.ts";

type Clients = Readonly<Record<string, (image: string) => string>>;

/** How each client is told to fetch what a name stands for. */
const IMAGE: Clients = {
  corten: (image) => `corten pull ${image}`,
  docker: (image) => `docker pull ${image}`,
  podman: (image) => `podman pull ${image}`,
  skopeo: (image) => `skopeo copy docker://${image} oci:image`,
  containerd: (image) => `ctr images pull ${image}`,
};
const ARTIFACT: Clients = {
  corten: (image) => `corten artifact pull ${image}`,
  oras: (image) => `oras pull ${image}`,
};
const CHART: Clients = {
  ...ARTIFACT,
  // Older ones take the tag apart from the name only.
  helm: (image) =>
    `helm pull oci://${image.includes("@") ? image : image.replace(/:([^:/]+)$/, " --version $1")}`,
};
const CLIENTS = { image: IMAGE, artifact: ARTIFACT, chart: CHART };

/** Which clients fetch a manifest. */
export function pulledAs(manifest: Manifest): keyof typeof CLIENTS {
  if (manifest.manifests !== undefined || isImageConfig(manifest.config?.mediaType)) return "image";
  return kindOfManifest(manifest).name === "Helm chart" ? "chart" : "artifact";
}

/** A line to copy, with a choice of the client; the choice is remembered. */
export function pullCommand(name: ImageName, kind: keyof typeof CLIENTS = "image"): HTMLElement {
  const clients = CLIENTS[kind];
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
