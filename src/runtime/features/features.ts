import { CGROUP_MANAGERS } from "../cgroup/manager.ts";
import { UNSAFE_ANNOTATIONS } from "../config/annotations.ts";
import { CAPABILITIES } from "../config/capabilities.ts";
import { OCI_VERSION } from "../config/default-config.ts";
import { NAMESPACE_TYPES } from "../config/schema.ts";
import { mountOptionNames } from "../plan/mount-options.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import { accepts } from "./acceptance.ts";
import * as candidates from "./candidates.ts";

/** The document of `features` (runtime-spec 1.3, features.md and features-linux.md). */
export interface RuntimeFeatures {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Annotations of a configuration that change what a container may do; a trailing dot makes one a prefix. */
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<"v1" | "v2" | "systemd" | "systemdUser" | "rdma", boolean>>;
    readonly seccomp: {
      readonly enabled: boolean;
      readonly actions: readonly string[];
      readonly operators: readonly string[];
      readonly archs: readonly string[];
      readonly knownFlags: readonly string[];
      readonly supportedFlags: readonly string[];
    };
    readonly apparmor: { readonly enabled: boolean };
    readonly selinux: { readonly enabled: boolean };
    readonly intelRdt: Readonly<Record<"enabled" | "schemata" | "monitoring", boolean>>;
    readonly memoryPolicy?: { readonly modes: readonly string[]; readonly flags: readonly string[] };
    readonly mountExtensions: { readonly idmap: { readonly enabled: boolean } };
    readonly netDevices: { readonly enabled: boolean };
  };
}

/**
 * What this build can do, whatever the machine. Each entry is found by asking the compiler of plans for a
 * configuration with that setting, so a setting that is refused is never advertised.
 *
 * @param annotations facts about the program, e.g. its version
 */
export function runtimeFeatures(annotations: Readonly<Record<string, string>>): RuntimeFeatures {
  const memory = memoryPolicy();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: candidates.HOOKS.filter((kind) => accepts({ hooks: { [kind]: [{ path: "/hook" }] } })),
    mountOptions: mountOptions(),
    annotations,
    potentiallyUnsafeConfigAnnotations: UNSAFE_ANNOTATIONS,
    linux: {
      namespaces: namespaces(),
      capabilities: CAPABILITIES,
      cgroup: {
        v1: true,
        v2: true,
        systemd: CGROUP_MANAGERS.includes("systemd"),
        systemdUser: CGROUP_MANAGERS.includes("systemd"),
        rdma: accepts({ linux: { resources: { rdma: { mlx5_0: { hcaHandles: 1 } } } } }),
      },
      seccomp: seccomp(),
      apparmor: { enabled: accepts({ process: { apparmorProfile: "a-profile" } }) },
      selinux: {
        enabled:
          accepts({ process: { selinuxLabel: "system_u:system_r:container_t:s0:c1,c2" } }) &&
          accepts({ linux: { mountLabel: "system_u:object_r:container_file_t:s0:c1,c2" } }),
      },
      intelRdt: {
        enabled: accepts({ linux: { intelRdt: { closID: "guaranteed" } } }),
        schemata: accepts({ linux: { intelRdt: { schemata: ["L3:0=ff"] } } }),
        monitoring: accepts({ linux: { intelRdt: { closID: "guaranteed", enableMonitoring: true } } }),
      },
      ...(memory === undefined ? {} : { memoryPolicy: memory }),
      mountExtensions: { idmap: { enabled: accepts({ mounts: [mappedMount([])] }) } },
      netDevices: { enabled: accepts({ linux: { netDevices: { eth0: { name: "lan0" } } } }) },
    },
  };
}

const MAPPING = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function mappedMount(options: readonly string[]) {
  return {
    destination: "/mnt",
    type: "bind",
    source: "/src",
    options: ["bind", ...options],
    uidMappings: MAPPING,
    gidMappings: MAPPING,
  };
}

function mountOptions(): string[] {
  const mount = (type: string, options: readonly string[]) => ({
    mounts: [{ destination: "/mnt", type, source: "/src", options }],
  });
  return mountOptionNames().filter((name) => {
    if (name === "idmap" || name === "ridmap") return accepts({ mounts: [mappedMount([name])] });
    return accepts(mount("bind", ["bind", name])) || accepts(mount("tmpfs", [name]));
  });
}

function namespaces(): string[] {
  return NAMESPACE_TYPES.filter((type) => {
    // What a user namespace cannot do without.
    const mappings = type === "user" ? { uidMappings: MAPPING, gidMappings: MAPPING } : {};
    const wanted = ["mount", "uts", ...(type === "mount" || type === "uts" ? [] : [type])];
    return accepts({ linux: { namespaces: wanted.map((name) => ({ type: name })), ...mappings } });
  }).sort();
}

function seccomp(): RuntimeFeatures["linux"]["seccomp"] {
  const takes = (profile: object) =>
    accepts({ linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...profile } } });
  const rule = (fields: object) => ({
    syscalls: [{ names: ["getpid"], action: "SCMP_ACT_ERRNO", ...fields }],
  });
  const known = (flag: string) => takes({ flags: [flag] });
  // A listener is what an action notifies.
  const actions = candidates.SECCOMP_ACTIONS.filter((action) =>
    takes({ ...rule({ action }), ...(action === "SCMP_ACT_NOTIFY" ? { listenerPath: "/run/agent" } : {}) }),
  );
  const flags = candidates.SECCOMP_FLAGS.filter(known);
  return {
    enabled: takes({}),
    actions,
    operators: candidates.SECCOMP_OPERATORS.filter((op) =>
      takes(rule({ args: [{ index: 0, value: 1, op }] })),
    ),
    archs: candidates.SECCOMP_ARCHITECTURES.filter(filters),
    knownFlags: flags,
    supportedFlags: flags,
  };
}

/** Other architectures may be named in a profile; one that is filtered makes a difference to the program. */
function filters(architecture: string): boolean {
  const sizes = (["X86_64", "AARCH64"] as const).map((native) => {
    if (architecture === `SCMP_ARCH_${native}`) return true;
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["getpid"], action: "SCMP_ACT_ERRNO" }],
    };
    const length = (architectures: string[]) =>
      compileSeccomp({ ...profile, architectures }, native).program.length;
    return length([architecture]) !== length([]);
  });
  return sizes.includes(true);
}

function memoryPolicy(): RuntimeFeatures["linux"]["memoryPolicy"] {
  const nodes = (mode: string) => (mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL" ? {} : { nodes: "0" });
  const modes = candidates.MEMORY_MODES.filter((mode) =>
    accepts({ linux: { memoryPolicy: { mode, ...nodes(mode) } } }),
  );
  if (modes.length === 0) return undefined;
  const flags = candidates.MEMORY_FLAGS.filter((flag) =>
    accepts({ linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: [flag] } } }),
  );
  return { modes, flags };
}
