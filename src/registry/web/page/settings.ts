import type { ImageConfig } from "./documents.ts";
import { element } from "./element.ts";

/** The settings of a container that image-spec's `config` gives, in the order in which people look for them. */
const SETTINGS: ReadonlyArray<readonly [key: string, label: string]> = [
  ["Entrypoint", "Entrypoint"],
  ["Cmd", "Command"],
  ["WorkingDir", "Directory"],
  ["User", "User"],
  ["ExposedPorts", "Ports"],
  ["Volumes", "Volumes"],
  ["StopSignal", "Stop signal"],
  ["Env", "Environment"],
  ["Labels", "Labels"],
];

/** What a container of this image starts with. */
export function settingsOf(image: ImageConfig): HTMLElement | undefined {
  const config = image.config ?? {};
  const rows = SETTINGS.map(([key, label]) => [label, lines(key, config[key])] as const).filter(
    ([, text]) => text.length > 0,
  );
  if (rows.length === 0) return undefined;
  return element(
    "section",
    {},
    element("h2", {}, "Settings"),
    element(
      "dl",
      { class: "pairs" },
      rows.map(([label, text]) =>
        element(
          "div",
          {},
          element("dt", {}, label),
          element(
            "dd",
            {},
            text.map((line) => element("code", { class: "line" }, line)),
          ),
        ),
      ),
    ),
  );
}

function lines(key: string, value: unknown): readonly string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  if (Array.isArray(value)) {
    const words = value.map(String);
    if (words.length === 0) return [];
    return key === "Env" ? words : [words.map(quoted).join(" ")];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).map(([name, text]) => (key === "Labels" ? `${name}=${String(text)}` : name));
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
