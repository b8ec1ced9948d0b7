import type { Program } from "../command/command.ts";
import { accountCommands } from "./table/account.ts";
import { artifactCommands } from "./table/artifact.ts";
import { containerCommands } from "./table/containers.ts";
import { globalOptions } from "./table/globals.ts";
import { imageToolCommands } from "./table/image-tools.ts";
import { imageCommands } from "./table/images.ts";
import { manifestCommands } from "./table/manifest.ts";
import { imagePrune, pruneFamilies } from "./table/prune.ts";
import { registryCommands } from "./table/registry.ts";
import { searchCommands } from "./table/search.ts";
import { systemCommands } from "./table/system.ts";
import { transferCommands } from "./table/transfer.ts";

/** The command line for people: docker's and podman's words. */
export const program: Program = {
  name: "corten",
  summary: "run containers and keep their images, without a daemon",
  globals: globalOptions,
  globalsAnywhere: true,
  commands: [
    ...containerCommands,
    ...imageCommands,
    {
      name: "image",
      group: "Images",
      summary: "judge, compare, change and convert images",
      commands: [...imageToolCommands, imagePrune],
    },
    ...searchCommands,
    ...transferCommands,
    ...accountCommands,
    {
      name: "artifact",
      group: "Moving images",
      summary: "keep files in registries, and attach them to images",
      commands: artifactCommands,
    },
    {
      name: "manifest",
      group: "Moving images",
      summary: "make indexes of several images, one for each platform",
      commands: manifestCommands,
    },
    ...registryCommands,
    ...pruneFamilies,
    ...systemCommands,
    {
      name: "oci",
      group: "System",
      summary: "the OCI runtime's command line, as corten-oci",
      arguments: [{ name: "ARGUMENT", optional: true, repeated: true }],
      optionsFirst: true,
      load: () => import("./oci.ts"),
    },
  ],
  dialect: "posix",
  unknownOption: (option) => `unknown option: ${option}`,
};
