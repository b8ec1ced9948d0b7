import { compileWork, type FileWork } from "./compile-unpack.ts";
import type { LaunchPlan } from "./operation.ts";

/** Compiles the plan that unmounts, where layers are mounted for all containers, those that are none of `files`. */
export function compileKeepLayers(directory: string, files: readonly string[], work: FileWork): LaunchPlan {
  return compileWork(work, (section) => {
    const home = section.take("host's mount namespace");
    const root = section.take("layers of all containers");
    section.add("enterLayers", { out: home, root, directory });
    section.add("keepLayers", { home, root, files });
    section.add("leaveLayers", { home, root });
  });
}

/** Compiles the plan that lets go of the mount namespace in which layers are mounted for all containers. */
export function compileUnpinLayers(directory: string, work: FileWork): LaunchPlan {
  return compileWork(work, (section) => section.add("unpinLayers", { directory }));
}
