import type { RuntimeMount } from "../../spec/index.ts";
import { configFault } from "../config/check.ts";
import { isMapped } from "../config/id-mappings.ts";
import type { LaunchInput } from "./launch-input.ts";
import { readMountOptions } from "./mount-options.ts";
import { type Namespaces, owns } from "./namespaces.ts";

/** File systems that show a namespace: the user namespace of who mounts them has to own it. */
const VIEWS = {
  sysfs: { namespace: "network", path: "/sys" },
  proc: { namespace: "pid", path: "/proc" },
  mqueue: { namespace: "ipc", path: "/dev/mqueue" },
} as const;

/**
 * A mount as a user namespace can make it; without one, unchanged. A view of a namespace that the container shares with
 * the host becomes a bind of the host's, and an owner that is not mapped is left out where nothing depends on it. Both
 * are told in `warnings`.
 *
 * @throws invalid-argument for a tmpfs with an owner that is not mapped
 */
export function mountForUser(
  mount: RuntimeMount,
  pointer: string,
  { config, namespaces }: LaunchInput & { readonly namespaces: Namespaces },
  warnings: string[],
): RuntimeMount {
  if (namespaces.user.kind === "none" || readMountOptions(mount).bind) return mount;
  const type = mount.type ?? "";
  if (Object.hasOwn(VIEWS, type)) {
    const { namespace, path } = VIEWS[type as keyof typeof VIEWS];
    if (owns(namespaces, namespace)) return mount;
    warnings.push(
      `${pointer}: ${type} is the host's ${path}: the user namespace does not own the ${namespace} namespace`,
    );
    return { ...mount, type: "bind", source: path, options: ["rbind", ...attributesOf(mount)] };
  }
  return withMappedOwner(mount, pointer, config, warnings);
}

/** The options that a bind mount has, too. */
function attributesOf(mount: RuntimeMount): string[] {
  const names = new Set(readMountOptions(mount).data.map(([name]) => name));
  return (mount.options ?? []).filter((option) => !names.has(option.split("=")[0]!));
}

function withMappedOwner(
  mount: RuntimeMount,
  pointer: string,
  config: LaunchInput["config"],
  warnings: string[],
): RuntimeMount {
  const { uidMappings = [], gidMappings = [] } = config.linux ?? {};
  const unmapped = readMountOptions(mount).data.filter(([name, value]) => {
    const mappings = name === "uid" ? uidMappings : name === "gid" ? gidMappings : [];
    return mappings.length > 0 && !isMapped(mappings, Number(value));
  });
  const [first] = unmapped;
  if (first === undefined) return mount;
  const words = unmapped.map(([name, value]) => `${name}=${value}`);
  // The group of terminals, as every default configuration has it, guards against programs of the host only.
  if (mount.type !== "devpts" || unmapped.some(([name]) => name !== "gid")) {
    throw configFault(`${pointer}/options`, `has ${words[0]}, which /linux/${first[0]}Mappings does not map`);
  }
  warnings.push(`${pointer}/options: ${words[0]} is left out: /linux/gidMappings does not map it`);
  return { ...mount, options: (mount.options ?? []).filter((option) => !words.includes(option)) };
}
