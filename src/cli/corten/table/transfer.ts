import type { Command } from "../../command/command.ts";
import type { OptionTable } from "../../command/option.ts";
import { accessOptions, endsOptions, platformOptions } from "./registry-access.ts";

const group = "Moving images";

export const copyOptions = {
  all: { type: "flag", short: "a", summary: "copy every platform of the image, and its index" },
  "multi-arch": {
    type: "choice",
    choices: ["system", "all", "index-only"],
    summary: "copy the image for one platform, all of it, or the index alone (default: system)",
  },
  ...platformOptions,
  format: {
    type: "choice",
    choices: ["oci", "v2s2"],
    short: "f",
    summary: "convert manifests to image-spec's or to Docker's generation",
  },
  "preserve-digests": { type: "flag", summary: "fail where a digest would change" },
  "dest-compress": {
    type: "flag",
    summary: "pack layers, with gzip unless --dest-compress-format says else",
  },
  "dest-decompress": { type: "flag", summary: "unpack layers" },
  "dest-compress-format": {
    type: "choice",
    choices: ["gzip", "zstd"],
    summary: "pack layers in this way; those that are stay as they are",
  },
  "dest-compress-level": {
    type: "integer",
    value: "LEVEL",
    minimum: 1,
    maximum: 22,
    summary: "level of packing",
  },
  "additional-tag": { type: "list", value: "NAME", summary: "give the image this name, too" },
  referrers: {
    type: "flag",
    short: "r",
    summary: "copy what is about the image, too: signatures, lists of parts",
  },
  digestfile: { type: "text", value: "FILE", completion: "file", summary: "write the digest to FILE" },
  "retry-times": { type: "integer", value: "N", minimum: 0, maximum: 100, summary: "try again N times" },
  parallel: { type: "integer", value: "N", minimum: 1, maximum: 64, default: 4, summary: "layers at once" },
  quiet: { type: "flag", short: "q", summary: "print no progress" },
  ...endsOptions,
} as const satisfies OptionTable;

export const syncOptions = {
  src: {
    type: "choice",
    short: "s",
    choices: ["docker", "dir", "yaml"],
    summary: "SOURCE is a repository or image, a directory of images, or a file that lists images",
  },
  dest: {
    type: "choice",
    short: "d",
    choices: ["docker", "dir", "oci"],
    summary: "DESTINATION is a name in a registry, a directory for images, or a layout",
  },
  scoped: { type: "flag", summary: "keep the whole name of the source at the destination" },
  all: copyOptions.all,
  ...platformOptions,
  referrers: copyOptions.referrers,
  format: copyOptions.format,
  "preserve-digests": copyOptions["preserve-digests"],
  "dry-run": { type: "flag", summary: "say what would be copied, and copy nothing" },
  "keep-going": { type: "flag", summary: "go on after an image that failed; the exit code is 1 then, too" },
  report: {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "write what has become of each image to FILE as JSON; - is stdout",
  },
  "retry-times": copyOptions["retry-times"],
  parallel: copyOptions.parallel,
  quiet: { type: "flag", short: "q", summary: "print failures only" },
  ...endsOptions,
} as const satisfies OptionTable;

export const listTagsOptions = { ...accessOptions } as const satisfies OptionTable;

export const deleteOptions = {
  "tag-only": { type: "flag", summary: "delete the tag and leave the image, where the registry can do that" },
  ...accessOptions,
} as const satisfies OptionTable;

export const transferCommands: readonly Command[] = [
  {
    name: "copy",
    group,
    summary: "copy an image from one place to another",
    description:
      "Places are docker://NAME, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], dir:DIR, containers-storage:NAME, docker-daemon:NAME and corten:NAME, which is Corten's own store. Bytes stream from the one to the other; nothing of an image changes unless a conversion is asked for. The digest of what the destination's name means now is printed.",
    arguments: [{ name: "SOURCE" }, { name: "DESTINATION" }],
    options: copyOptions,
    load: () => import("../transfer/copy.ts"),
    examples: [
      {
        text: "between registries, every platform",
        line: "corten copy --all docker://debian:12 docker://registry.example.com/debian:12",
      },
      {
        text: "for a machine without a network",
        line: "corten copy docker://debian:12 oci-archive:debian.tar",
      },
    ],
  },
  {
    name: "sync",
    group,
    summary: "copy all images of a repository, a directory or a list",
    description:
      "What the destination has already is left alone. The list is skopeo's: for each registry images with tags, images-by-tag-regex, images-by-semver, credentials, tls-verify and cert-dir. Without --keep-going the first failure ends it; the report is written in any case.",
    arguments: [{ name: "SOURCE" }, { name: "DESTINATION" }],
    options: syncOptions,
    load: () => import("../transfer/sync.ts"),
    examples: [
      {
        text: "a repository onto a disk",
        line: "corten sync --src docker --dest dir registry.example.com/app /media/usb",
      },
      {
        text: "a list into a registry, with a report",
        line: "corten sync -s yaml -d docker --keep-going --report report.json images.yaml registry.example.com/mirror",
      },
    ],
  },
  {
    name: "list-tags",
    group,
    summary: "list the tags of a repository, or the names in a layout or archive",
    description: "PLACE is docker://REPOSITORY, docker-archive:FILE, oci:DIR or oci-archive:FILE.",
    arguments: [{ name: "PLACE" }],
    options: listTagsOptions,
    load: () => import("../transfer/list-tags.ts"),
    examples: [
      { text: "what there is of it", line: "corten list-tags docker://registry.example.com/debian" },
    ],
  },
  {
    name: "delete",
    group,
    summary: "delete an image in a registry or a layout",
    description:
      "PLACE is docker://NAME or oci:DIR[:NAME]. In a registry the manifest goes and with it all its tags; the registry removes the layers in its own time. In a layout the blobs go that no other image needs.",
    arguments: [{ name: "PLACE" }],
    options: deleteOptions,
    load: () => import("../transfer/delete.ts"),
    examples: [{ text: "with all its tags", line: "corten delete docker://registry.example.com/app:1" }],
  },
];
