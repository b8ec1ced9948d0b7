import { hostPlatform, normalizePlatform, parsePlatform } from "../../../image/index.ts";
import type { Platform } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import type { platformOptions } from "../table/registry-access.ts";

/** The platform that `--platform` or skopeo's `--override-…` name; undefined for this machine's. */
export function platformOf(options: Values<typeof platformOptions>): Platform | undefined {
  const [os, architecture, variant] = [
    options["override-os"],
    options["override-arch"],
    options["override-variant"],
  ];
  if (os === undefined && architecture === undefined && variant === undefined) {
    return options.platform === undefined ? undefined : parsePlatform(options.platform);
  }
  if (options.platform !== undefined) {
    throw new CortenError("invalid-argument", "--platform and --override-… exclude each other");
  }
  const host = hostPlatform();
  return normalizePlatform({
    os: os ?? host.os,
    architecture: architecture ?? host.architecture,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** The platform that `--platform` names, as an option of the image room. */
export function wantedPlatform(text: string | undefined): { readonly platform?: Platform } {
  return text === undefined ? {} : { platform: parsePlatform(text) };
}
