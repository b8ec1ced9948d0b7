import type { DocumentOptions } from "./document.ts";
import { MAX_DOCUMENT_SIZE, readDigest } from "./document.ts";
import { CortenError } from "./error.ts";
import type { ImageConfig, ImageExecution, ImageHealthcheck, ImageHistory } from "./image.ts";
import { JsonView } from "./json-view.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Largest image configuration that is read. */
export const MAX_CONFIG_SIZE = 2 * MAX_DOCUMENT_SIZE;

/**
 * Parses an image configuration (image-spec, config.md). Optional fields may be null and are then
 * left out of the result; unknown fields are ignored; an unknown `rootfs.type` is an error.
 *
 * @throws invalid-argument with the JSON pointer; resource-exhausted when larger than `maxSize`
 */
export function parseImageConfig(bytes: Uint8Array, options: DocumentOptions = {}): ImageConfig {
  const { what = "image configuration", maxSize = MAX_CONFIG_SIZE } = options;
  if (bytes.length > maxSize) {
    throw new CortenError("resource-exhausted", `${what} is ${bytes.length} bytes, more than ${maxSize}`);
  }
  const root = new JsonView(parseStrictJson(bytes, what), what);
  const rootfs = root.field("rootfs");
  const type = rootfs.field("type");
  if (type.string() !== "layers")
    throw type.fault(`is ${JSON.stringify(type.value).slice(0, 100)}, not "layers"`);
  const diffIds = rootfs.field("diff_ids");
  return {
    architecture: root.field("architecture").string(),
    os: root.field("os").string(),
    ...text(root, "created"),
    ...text(root, "author"),
    ...text(root, "os.version"),
    ...strings(root, "os.features"),
    ...text(root, "variant"),
    ...present(root, "config", readExecution),
    // Docker writes null for an image without layers.
    rootfs: { type: "layers", diff_ids: diffIds.value === null ? [] : diffIds.items().map(readDigest) },
    ...present(root, "history", (history) => history.items().map(readHistory)),
  };
}

function readExecution(view: JsonView): ImageExecution {
  return {
    ...text(view, "User"),
    ...present(view, "ExposedPorts", readSet),
    ...strings(view, "Env"),
    ...strings(view, "Entrypoint"),
    ...strings(view, "Cmd"),
    ...present(view, "Volumes", readSet),
    ...text(view, "WorkingDir"),
    ...present(view, "Labels", (labels) => labels.map((label) => label.string())),
    ...text(view, "StopSignal"),
    ...present(view, "ArgsEscaped", (escaped) => escaped.boolean()),
    ...present(view, "Healthcheck", readHealthcheck),
  };
}

function readHealthcheck(view: JsonView): ImageHealthcheck {
  return {
    ...strings(view, "Test"),
    ...present(view, "Interval", (time) => time.size()),
    ...present(view, "Timeout", (time) => time.size()),
    ...present(view, "StartPeriod", (time) => time.size()),
    ...present(view, "StartInterval", (time) => time.size()),
    ...present(view, "Retries", (count) => count.size()),
  };
}

function readHistory(view: JsonView): ImageHistory {
  return {
    ...text(view, "created"),
    ...text(view, "created_by"),
    ...text(view, "author"),
    ...text(view, "comment"),
    ...present(view, "empty_layer", (empty) => empty.boolean()),
  };
}

/** A Go set: an object whose values say nothing, `{"80/tcp": {}}`, null values included. */
function readSet(view: JsonView): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.keys(view.object()).map((name) => [name, {}]));
}

function text<K extends string>(view: JsonView, name: K): { [P in K]?: string } {
  return present(view, name, (value) => value.string());
}

function strings<K extends string>(view: JsonView, name: K): { [P in K]?: readonly string[] } {
  return present(view, name, (value) => value.strings());
}

function present<K extends string, T>(
  view: JsonView,
  name: K,
  read: (value: JsonView) => T,
): { [P in K]?: T } {
  const value = view.field(name);
  return (value.absent ? {} : { [name]: read(value) }) as { [P in K]?: T };
}
