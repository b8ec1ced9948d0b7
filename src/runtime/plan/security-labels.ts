import type { HostFacts } from "../../host/index.ts";
import { CortenError, type RuntimeLinux, type RuntimeProcess } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";

type SecurityModules = NonNullable<HostFacts["security"]>;

/** An attribute of the process that its exec will take on, open for writing. */
export interface Label {
  readonly fd: Register;
  readonly data: string;
  readonly at: string;
}

/** A label left out would be a container less confined than its maker was told. */
function needs(available: boolean, at: string, what: string): void {
  if (available) return;
  throw new CortenError(
    "failed-precondition",
    `config.json: ${at} is set, but this kernel has no ${what}, or it is disabled`,
    { pointer: at, hint: `leave it out, or enable ${what} (lsm= on the kernel's command line)` },
  );
}

function modulesOf(modules: SecurityModules | undefined): SecurityModules {
  return modules ?? { apparmor: true, selinux: true };
}

/** An AppArmor profile that changes nothing where there is no AppArmor. */
function profileOf({ apparmorProfile = "" }: RuntimeProcess, modules: SecurityModules): string {
  return apparmorProfile === "unconfined" && !modules.apparmor ? "" : apparmorProfile;
}

/**
 * Opens the files of procfs to which the labels are written. It is done first, while /proc is the host's, and what was
 * opened is checked to be of procfs: a /proc from the image could swallow a label (CVE-2019-16884, CVE-2019-19921).
 * They are written by {@link writeLabels} once everything privileged is done.
 *
 * @throws failed-precondition for a label on a kernel without its module
 */
export function openLabels(
  c: SectionBuilder,
  process: RuntimeProcess,
  host: Pick<HostFacts, "security">,
  at: string,
): readonly Label[] {
  const label = process.selinuxLabel ?? "";
  if ((process.apparmorProfile ?? "") === "" && label === "") return [];
  const modules = modulesOf(host.security);
  const profile = profileOf(process, modules);
  if (profile === "" && label === "") return [];
  const labels: Label[] = [];
  const proc = c.take("/proc");
  c.add("open", { out: proc, dir: null, path: "/proc", flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  c.add("verify", { fd: proc, kind: k.VERIFY_PROCFS, major: 0, minor: 0 });
  const open = (path: string, data: string, pointer: string) => {
    const fd = c.take(`/proc/${path}`);
    c.at(pointer, () => c.add("open", { out: fd, dir: proc, path, flags: k.O_WRONLY, mode: 0 }));
    labels.push({ fd, data, at: pointer });
  };
  if (profile !== "") {
    needs(modules.apparmor, `${at}/apparmorProfile`, "AppArmor");
    open("self/attr/apparmor/exec", `exec ${profile}`, `${at}/apparmorProfile`);
  }
  if (label !== "") {
    needs(modules.selinux, `${at}/selinuxLabel`, "SELinux");
    // The session keyring gets the label of the process that will use it.
    const keys = c.take("/proc/self/attr/keycreate");
    c.at(`${at}/selinuxLabel`, () => {
      c.add("open", { out: keys, dir: proc, path: "self/attr/keycreate", flags: k.O_WRONLY, mode: 0 });
      c.add("writeDescriptor", { fd: keys, data: label });
    });
    c.close(keys);
    open("self/attr/exec", label, `${at}/selinuxLabel`);
  }
  c.close(proc);
  return labels;
}

/** Writes the labels, which hold from the next exec on. */
export function writeLabels(c: SectionBuilder, labels: readonly Label[]): void {
  for (const { fd, data, at } of labels) {
    c.at(at, () => c.add("writeDescriptor", { fd, data }));
    c.close(fd);
  }
}

/**
 * The option that gives a new file system the label of `linux.mountLabel`; undefined for one that takes none.
 *
 * @throws failed-precondition on a kernel without SELinux
 */
export function mountContext(
  linux: Pick<RuntimeLinux, "mountLabel"> | undefined,
  host: Pick<HostFacts, "security">,
  type: string,
): string | undefined {
  const label = linux?.mountLabel ?? "";
  if (label === "") return undefined;
  needs(modulesOf(host.security).selinux, "/linux/mountLabel", "SELinux");
  // The kernel labels what is in these by itself and refuses the option.
  return type === "proc" || type === "sysfs" || type === "mqueue" ? undefined : label;
}
