import { readHostFacts } from "../facts.ts";
import { userNames } from "../user-names.ts";
import { examineCriu } from "./criu.ts";
import type { Finding } from "./finding.ts";
import { examineKernel } from "./kernel.ts";
import { probeKernel } from "./probe.ts";
import { examineCgroups, examinePrograms, examineUserRanges, readText } from "./surroundings.ts";

/**
 * Finds out what this kernel and this user allow, by trying. Nothing is left of the attempts: they happen in children,
 * and the control groups that are made are removed at once.
 */
export async function examineHost(): Promise<Finding[]> {
  const { uid, cgroups } = readHostFacts();
  const seccomp = Number(/^Seccomp:\s*(\d)/m.exec(readText("/proc/self/status") ?? "")?.[1] ?? 0);
  const sysctl = (name: string) => readText(`/proc/sys/${name}`);
  return [
    ...examineKernel(await probeKernel(), { uid, seccomp, sysctl }),
    ...examineCgroups({ uid, cgroups }),
    ...examineUserRanges(uid, userNames(uid)),
    ...examinePrograms(uid),
    await examineCriu(uid),
  ];
}
