import type { ContainerSummary } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";

type Matcher = (container: ContainerSummary, value: string) => boolean;

/** What `ps --filter` knows; the names are docker's. */
const matchers: Readonly<Record<string, Matcher>> = {
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => name.includes(value.replace(/^\//, "")),
  status: ({ state }, value) => state === value,
  ancestor: ({ image, imageID }, value) =>
    image === value || image.startsWith(`${value}:`) || imageID.replace(/^sha256:/, "").startsWith(value),
  label: ({ labels }, value) => {
    const equals = value.indexOf("=");
    const name = equals < 0 ? value : value.slice(0, equals);
    return Object.hasOwn(labels, name) && (equals < 0 || labels[name] === value.slice(equals + 1));
  },
  exited: ({ state, status }, value) => state === "exited" && status.startsWith(`Exited (${value})`),
};

/** Filters of one name are alternatives, except labels; those of different names must all match. */
export function containerFilter(filters: readonly string[]): {
  readonly matches: (container: ContainerSummary) => boolean;
  readonly namesState: boolean;
} {
  const wanted = new Map<string, string[]>();
  for (const text of filters) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(0, equals));
    if (!Object.hasOwn(matchers, name)) {
      const known = Object.keys(matchers).join(", ");
      throw new CortenError("invalid-argument", `invalid filter "${text}": NAME=VALUE with one of ${known}`);
    }
    wanted.set(name, [...(wanted.get(name) ?? []), text.slice(equals + 1)]);
  }
  return {
    namesState: wanted.has("status") || wanted.has("exited"),
    matches: (container) =>
      [...wanted].every(([name, values]) => {
        const match = (value: string) => matchers[name]!(container, value);
        return name === "label" ? values.every(match) : values.some(match);
      }),
  };
}
