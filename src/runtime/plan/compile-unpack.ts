import type { RuntimeConfig } from "../../spec/index.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { Step } from "./launch-input.ts";
import { type LaunchPlan, PLAN_VERSION } from "./operation.ts";
import { becomeRoot, type MappedInput, prepareChild, userNamespaceOf } from "./user-namespace.ts";

/** Work on files that the executor does by itself, outside of any container. */
export interface FileWork {
  readonly failureFile: string;
  /**
   * The user namespace in which it is done, as a configuration has it: what belongs to subordinate ids is out of an
   * ordinary user's reach elsewhere. Undefined: the caller's own.
   */
  readonly mapped: MappedInput | undefined;
}

/** Compiles the plan that writes the stream on stdin below `directory`, which exists and nobody else can reach. */
export function compileUnpack(directory: string, work: FileWork): LaunchPlan {
  return compileWork(work, (section) => {
    const root = section.take(directory);
    const flags = k.O_PATH | k.O_DIRECTORY | k.O_NOFOLLOW;
    section.add("open", { out: root, dir: null, path: directory, flags, mode: 0 });
    section.add("applyStream", { root });
    section.close(root);
  });
}

/** Compiles the plan that removes trees, following no link and entering no mount. */
export function compileRemoval(paths: readonly string[], work: FileWork): LaunchPlan {
  return compileWork(work, (section) => {
    for (const path of paths) section.add("removeTree", { dir: null, path });
  });
}

/** A configuration that says no more than which user namespace is meant. */
export function mappingConfig(
  mappings: Pick<NonNullable<RuntimeConfig["linux"]>, "uidMappings" | "gidMappings">,
) {
  return {
    ociVersion: "1.3.0",
    linux: { namespaces: [{ type: "user" }], ...mappings },
  } satisfies RuntimeConfig;
}

/** A plan that does `work`, in a user namespace of its own where one is asked for. */
export function compileWork(
  { failureFile, mapped }: FileWork,
  work: (section: SectionBuilder) => void,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  if (mapped === undefined) {
    work(h);
    h.add("finish", { code: 0 });
  } else {
    const user = userNamespaceOf(mapped.config, mapped.host);
    const child = h.take("worker");
    h.add("clone", { out: child, section: "container", flags: k.CLONE_NEWUSER, cgroup: null });
    prepareChild(h, mapped, user);
    h.add("await", { event: Step.ready });
    h.add("supervise", { terminal: null });
    c.add("await", { event: Step.mapped });
    becomeRoot(c, mapped.config, user);
    work(c);
    c.add("notify", { event: Step.ready });
    c.add("exit", { code: 0 });
  }
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: c.operations, cleanup: [] },
    failureFile,
    onFailure: [],
  };
}
