import type { EntrySettings } from "../../../image/index.ts";
import type { Annotations } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";

/** The options that say something of an entry. */
interface EntryOptions {
  readonly annotation: readonly string[];
  readonly arch: string | undefined;
  readonly os: string | undefined;
  readonly variant: string | undefined;
  readonly "os-version": string | undefined;
  readonly "os-features": readonly string[];
  readonly features: readonly string[];
}

/** What options say of an entry. */
export function entrySettings(options: EntryOptions): EntrySettings {
  const { arch, os, variant, features } = options;
  const version = options["os-version"];
  const annotations = parseAnnotations(options.annotation);
  return {
    ...(arch === undefined ? {} : { architecture: arch }),
    ...(os === undefined ? {} : { os }),
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { osVersion: version }),
    ...(options["os-features"].length === 0 ? {} : { osFeatures: options["os-features"] }),
    ...(features.length === 0 ? {} : { features }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** `NAME=VALUE …`. @throws invalid-argument naming the one that is none */
export function parseAnnotations(texts: readonly string[]): Annotations {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      if (equals >= 1) return [text.slice(0, equals), text.slice(equals + 1)] as const;
      throw new CortenError("invalid-argument", `annotation "${text.slice(0, 100)}" is not NAME=VALUE`);
    }),
  );
}
