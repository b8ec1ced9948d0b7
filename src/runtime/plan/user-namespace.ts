import type { HostFacts } from "../../host/index.ts";
import { CortenError, type RuntimeConfig, type RuntimeIdMapping } from "../../spec/index.ts";
import { maskHas } from "../config/capabilities.ts";
import { formatMap, isMapped } from "../config/id-mappings.ts";
import { RLIMITS } from "../config/rlimits.ts";
import type { SectionBuilder } from "./builder.ts";
import { limitValue } from "./identity.ts";
import { type LaunchInput, Step } from "./launch-input.ts";

/*
 * A user namespace of the container's own. Its process has every capability in it and none outside, so what touches
 * the host is done before: by the host's section while that is privileged, else by the process itself while it still
 * has the caller's ids. The host's section writes the mappings, as only a process of the parent namespace may.
 */

const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SYS_ADMIN = 21;

/** Every capability that there is, as a process has them in a new user namespace. */
export const ALL_CAPABILITIES = 2 ** 41 - 1;

/** How the container comes into its user namespace. */
export interface UserNamespace {
  readonly kind: "none" | "new" | "joined";
  /** The runtime may join namespaces that its own user namespace owns. */
  readonly privileged: boolean;
  /**
   * The host's section may clone mounts. Root of a user namespace may not where the mount namespace is another's, as
   * after `unshare -r`, and nothing in /proc tells: there the container's process does it.
   */
  readonly clonesMounts: boolean;
  /** What `setUser` is told about setgroups: 0 never, 1 always, 2 where the kernel lets it. */
  readonly setgroups: 0 | 1 | 2;
  /** How each of the two maps is written. */
  readonly maps: { readonly uid: MapWriter; readonly gid: MapWriter };
}

/** `own`: an unprivileged process maps nothing but itself; `helper`: by newuidmap or newgidmap. */
type MapWriter = "direct" | "own" | "helper";

/** The helpers that map ranges for users without privileges, as absolute paths; undefined: not installed. */
export interface IdMappers {
  readonly uid: string | undefined;
  readonly gid: string | undefined;
}

export function isPrivileged({ capabilities }: Pick<HostFacts, "capabilities">): boolean {
  return maskHas(capabilities.permitted, CAP_SYS_ADMIN);
}

/**
 * Decides how a container comes into its user namespace.
 *
 * @throws failed-precondition where it would have to stay in the caller's, whose ids the caller may not choose among
 */
export function userNamespaceOf(config: RuntimeConfig, host: HostFacts): UserNamespace {
  const namespaces = config.linux?.namespaces ?? [];
  const user = namespaces.find(({ type }) => type === "user");
  const privileged = isPrivileged(host);
  const common = { privileged, clonesMounts: privileged && host.userNamespace.initial };
  const inherited = host.userNamespace.setgroups ? 1 : 0;
  const maps = { uid: "direct", gid: "direct" } as const;
  if (user === undefined) {
    if (!privileged && host.uid !== 0) throw needsUserNamespace(host.uid);
    checkGroups(config, inherited);
    return { kind: "none", ...common, setgroups: inherited, maps };
  }
  if ((user.path ?? "") !== "") return { kind: "joined", ...common, setgroups: 2, maps };
  const { uidMappings = [], gidMappings = [] } = config.linux ?? {};
  const uid = writerOf(uidMappings, host.uid, maskHas(host.capabilities.permitted, CAP_SETUID));
  const gid = writerOf(gidMappings, host.gid, maskHas(host.capabilities.permitted, CAP_SETGID));
  const setgroups = gid === "own" ? 0 : gid === "helper" ? 2 : inherited;
  checkGroups(config, setgroups);
  return { kind: "new", ...common, setgroups, maps: { uid, gid } };
}

function needsUserNamespace(uid: number): CortenError {
  return new CortenError(
    "failed-precondition",
    `config.json: /linux/namespaces: user ${uid} can run a container only in a user namespace`,
    {
      pointer: "/linux/namespaces",
      hint: "`corten-oci spec --rootless` writes a configuration with one",
    },
  );
}

function checkGroups({ process }: RuntimeConfig, setgroups: 0 | 1 | 2): void {
  if (setgroups !== 0 || (process?.user.additionalGids ?? []).length === 0) return;
  throw new CortenError(
    "failed-precondition",
    "config.json: /process/user/additionalGids: the kernel refuses additional groups in this user namespace",
    {
      pointer: "/process/user/additionalGids",
      hint: "map gids by newgidmap (package uidmap), or leave them out",
    },
  );
}

function writerOf(mappings: readonly RuntimeIdMapping[], own: number, capable: boolean): MapWriter {
  if (capable) return "direct";
  const [only, ...others] = mappings;
  return others.length === 0 && only?.size === 1 && only.hostID === own ? "own" : "helper";
}

/** What the maps are written from. */
export type MappedInput = Pick<LaunchInput, "config" | "host" | "idMappers">;

/**
 * Operations of the host's section after `clone`: the maps, and what the child may not do itself; then lets it go on.
 * `look` adds what concerns the child while others may still look into it.
 */
export function prepareChild(
  h: SectionBuilder,
  input: MappedInput,
  user: UserNamespace,
  look: () => void = () => {},
): void {
  const { config } = input;
  const score = config.process?.oomScoreAdj;
  if (score !== undefined) {
    h.at("/process/oomScoreAdj", () => h.add("writeProcess", { file: "oom_score_adj", data: `${score}` }));
  }
  for (const [index, { type, hard }] of (config.process?.rlimits ?? []).entries()) {
    if (!user.privileged) break;
    h.at(`/process/rlimits/${index}`, () =>
      h.add("raiseLimit", { resource: RLIMITS[type]!, hard: limitValue(hard) }),
    );
  }
  if (user.kind === "new") {
    // Without privileges over the parent's groups the kernel wants setgroups to be given up first.
    if (user.maps.gid === "own") h.add("writeProcess", { file: "setgroups", data: "deny" });
    writeMap(h, input, "gid", user.maps.gid);
    writeMap(h, input, "uid", user.maps.uid);
  }
  look();
  h.add("notify", { event: Step.mapped });
}

function writeMap(h: SectionBuilder, input: MappedInput, kind: "uid" | "gid", writer: MapWriter): void {
  const at = `/linux/${kind}Mappings`;
  const mappings = input.config.linux?.[`${kind}Mappings`] ?? [];
  h.at(at, () => {
    if (writer !== "helper") {
      h.add("writeProcess", { file: `${kind}_map`, data: formatMap(mappings) });
      return;
    }
    const program = input.idMappers?.[kind];
    if (program === undefined) {
      throw new CortenError(
        "failed-precondition",
        `config.json: ${at}: an ordinary user may map ${kind}s other than its own only by new${kind}map, which is not installed`,
        { pointer: at, hint: `install the package uidmap, or map the single ${kind} ${input.host[kind]}` },
      );
    }
    const ids = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]).map(String);
    h.add("mapIds", { program, ids });
  });
}

/** The process becomes the root of its user namespace; where that id is not mapped it stays who it is. */
export function becomeRoot(
  c: SectionBuilder,
  config: RuntimeConfig | undefined,
  user: Pick<UserNamespace, "kind" | "setgroups">,
): void {
  if (user.kind === "none") return;
  const { uidMappings = [], gidMappings = [] } = config?.linux ?? {};
  const has = (mappings: readonly RuntimeIdMapping[]) => mappings.length === 0 || isMapped(mappings, 0);
  if (!has(uidMappings) || !has(gidMappings)) return;
  const { setgroups } = user;
  c.at("/linux/uidMappings", () => c.add("setUser", { uid: 0, gid: 0, groups: [], setgroups }));
}

/** What the process may grant: every capability is held in a user namespace of one's own. */
export function grantable(
  user: Pick<UserNamespace, "kind">,
  host: Pick<HostFacts, "capabilities">,
): Pick<HostFacts, "capabilities"> {
  if (user.kind === "none") return host;
  return { capabilities: { permitted: ALL_CAPABILITIES, bounding: ALL_CAPABILITIES } };
}
