import type { ImageOptions } from "../../runtime/index.ts";
import type { Values } from "../command/option.ts";
import type { imageOptions } from "./options.ts";

/** The options that `checkpoint` and `restore` share, as the runtime takes them. */
export function imageSettings(options: Values<typeof imageOptions>): ImageOptions {
  return {
    imagePath: options["image-path"] ?? "checkpoint",
    ...(options["work-path"] === undefined ? {} : { workPath: options["work-path"] }),
    tcpEstablished: options["tcp-established"],
    externalUnixSockets: options["ext-unix-sk"],
    shellJob: options["shell-job"],
    fileLocks: options["file-locks"],
    lazyPages: options["lazy-pages"],
    autoDedup: options["auto-dedup"],
    cgroupsMode: options["manage-cgroups-mode"],
    emptyNamespaces: options["empty-ns"],
  };
}
