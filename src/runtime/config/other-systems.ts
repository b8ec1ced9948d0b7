import {
  absolutePath,
  type Check,
  configFault,
  flag,
  integer,
  list,
  nonEmpty,
  object,
  oneOf,
  text,
  uint16,
  uint32,
  uint64,
} from "./check.ts";

/**
 * Sections of config.json for other systems than Linux (config-vm.md, config-windows.md, config-solaris.md,
 * config-zos.md, config-freebsd.md). None of them can be applied here; their fields are checked all the same, so that
 * a mistyped document is told from one that is meant for another runtime.
 */

/** A section without fields asks for nothing, not even for those that it requires. */
function section(fields: Readonly<Record<string, Check>>): Check {
  const check = object(fields);
  return (value, at) => {
    object({})(value, at);
    if (Object.keys(value as object).length > 0) check(value, at);
  };
}

const strings = list(text);

const vm = section({
  hypervisor: object({ "path!": absolutePath, parameters: strings }),
  "kernel!": object({ "path!": absolutePath, parameters: strings, initrd: absolutePath }),
  image: object({ "path!": absolutePath, "format!": oneOf("raw", "qcow2", "vdi", "vmdk", "vhd") }),
  hwConfig: object({
    deviceTree: absolutePath,
    vcpus: uint32,
    memory: uint64,
    dtdevs: strings,
    iomems: list(object({ firstGFN: uint64, firstMFN: uint64, nrMFNs: uint64 })),
    irqs: list(uint32),
  }),
});

const layerFolders: Check = (value, at) => {
  list(nonEmpty)(value, at);
  if ((value as readonly unknown[]).length === 0) throw configFault(at, "must not be empty");
};

const windows = section({
  "layerFolders!": layerFolders,
  devices: list(object({ "id!": nonEmpty, "idType!": oneOf("class", "vpci-instance-id") })),
  resources: object({
    memory: object({ limit: uint64 }),
    cpu: object({
      count: uint64,
      shares: uint16,
      maximum: integer(0, 10_000),
      affinity: list(object({ mask: uint64, group: uint32 })),
    }),
    storage: object({ iops: uint64, bps: uint64, sandboxSize: uint64 }),
  }),
  network: object({
    endpointList: strings,
    allowUnqualifiedDNSQuery: flag,
    DNSSearchList: strings,
    networkSharedContainerName: text,
    networkNamespace: text,
  }),
  // Its fields are Microsoft's, not the standard's.
  credentialSpec: object({}),
  servicing: flag,
  ignoreFlushesDuringBoot: flag,
  hyperv: object({ utilityVMPath: text }),
});

const solaris = section({
  milestone: text,
  limitpriv: text,
  maxShmMemory: text,
  anet: list(
    object({
      linkname: text,
      lowerLink: text,
      allowedAddress: text,
      configureAllowedAddress: text,
      defrouter: text,
      macAddress: text,
      linkProtection: text,
    }),
  ),
  cappedCPU: object({ ncpus: text }),
  cappedMemory: object({ physical: text, swap: text }),
});

const zos = section({
  namespaces: list(object({ "type!": oneOf("pid", "mount", "ipc", "uts"), path: text })),
});

const sharing = oneOf("new", "inherit", "disable");

const freebsd = section({
  devices: list(object({ "path!": nonEmpty, mode: integer(0, 0o177_777) })),
  jail: object({
    parent: text,
    host: sharing,
    ip4: sharing,
    ip4Addr: strings,
    ip6: sharing,
    ip6Addr: strings,
    vnet: sharing,
    interface: text,
    vnetInterfaces: strings,
    sysvmsg: sharing,
    sysvsem: sharing,
    sysvshm: sharing,
    enforceStatfs: integer(0, 2),
    allow: object({
      setHostname: flag,
      rawSockets: flag,
      chflags: flag,
      mount: strings,
      quotas: flag,
      socketAf: flag,
      mlock: flag,
      reservedPorts: flag,
      suser: flag,
    }),
  }),
});

/** By the name of the section. */
export const OTHER_SYSTEMS: Readonly<Record<string, Check>> = { vm, windows, solaris, zos, freebsd };
