import type { Digest, ImageHistory } from "../spec/index.ts";
import { familiarName, familiarReference, parseReference } from "../spec/index.ts";
import type { Image } from "./image.ts";
import { isDigestName } from "./naming.ts";

/** What `corten inspect` prints of an image: the fields of `docker image inspect`. */
export interface ImageInspect {
  readonly Id: Digest;
  /** Digest of the manifest. */
  readonly Digest: Digest;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Comment: string;
  readonly Created: string | null;
  readonly Author: string;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  /** As the image has it, fields beyond image-spec (Healthcheck, OnBuild, Shell) included. */
  readonly Config: Readonly<Record<string, unknown>>;
  readonly Size: number;
  readonly RootFS: { readonly Type: "layers"; readonly Layers: readonly Digest[] };
  readonly Descriptor: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly History: readonly ImageHistory[];
}

/** Describes an image in the shape of `docker image inspect`. */
export async function inspectImage(image: Image): Promise<ImageInspect> {
  const config = await image.config();
  const raw = JSON.parse(new TextDecoder().decode(await image.rawConfig())) as {
    config?: Record<string, unknown>;
  };
  const { os, architecture, variant } = await image.platform();
  const { mediaType, digest, size } = image.root;
  const history = config.history ?? [];
  return {
    Id: await image.id(),
    Digest: (await image.descriptor()).digest,
    RepoTags: repoTags(image),
    RepoDigests: repoDigests(image),
    Comment: history.at(-1)?.comment ?? "",
    Created: config.created ?? null,
    Author: config.author ?? "",
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    Config: raw.config ?? {},
    Size: await image.size(),
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Descriptor: { mediaType, digest, size },
    History: history,
  };
}

/** The image's tags as users write them, e.g. `alpine:latest`. */
export function repoTags({ names }: Image): string[] {
  return names.filter((name) => !isDigestName(name)).map((name) => familiarReference(parseReference(name)));
}

/** `<repository>@<digest>` for each repository that has the image. */
export function repoDigests({ names, root }: Image): string[] {
  const repositories = new Set(names.map((name) => familiarName(parseReference(name))));
  return [...repositories].map((repository) => `${repository}@${root.digest}`);
}
