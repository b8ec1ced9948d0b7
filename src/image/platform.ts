import type { ImageConfig, Platform } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";

/** What other tools call the architectures that image-spec names after Go's GOARCH. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  x64: "amd64",
  aarch64: "arm64",
  i386: "386",
  i686: "386",
  ia32: "386",
  armhf: "arm/v7",
  armel: "arm/v6",
  ppc64: "ppc64le",
  loongarch64: "loong64",
};
const OPERATING_SYSTEMS: Readonly<Record<string, string>> = { macos: "darwin" };
const COMPONENT = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

/**
 * Parses `os/architecture[/variant]`, e.g. `linux/arm64/v8`. One word is an operating system or an
 * architecture; what is missing is the host's. Names of other tools (`x86_64`, `aarch64`, `armhf`)
 * are translated.
 *
 * @throws invalid-argument, naming the text
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || !parts.every((part) => COMPONENT.test(part))) {
    throw new CortenError("invalid-argument", `invalid platform "${text.slice(0, 100)}"`, {
      hint: "write it as os/architecture or os/architecture/variant, e.g. linux/arm64",
    });
  }
  const [first = "", second, variant] = parts;
  const host = hostPlatform();
  if (second === undefined) {
    if (isOperatingSystem(first)) return normalizePlatform({ ...host, os: first });
    return normalizePlatform({ os: host.os, architecture: first });
  }
  return normalizePlatform({
    os: first,
    architecture: second,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** The text that {@link parsePlatform} reads, e.g. `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])].join("/");
}

/** The platform of containers on this host: always Linux, as elsewhere they run in a Linux machine. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: "linux", architecture: process.arch });
}

/** The platform that an image's configuration says. */
export function configPlatform(config: ImageConfig): Platform {
  const { os, architecture, variant } = config;
  const osVersion = config["os.version"];
  const osFeatures = config["os.features"];
  return normalizePlatform({
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(osVersion ? { "os.version": osVersion } : {}),
    ...(osFeatures ? { "os.features": osFeatures } : {}),
  });
}

/**
 * One spelling for each platform: no variant for arm64/v8 and amd64/v1, v7 for a bare arm, as
 * containerd's platforms package does.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const [architecture = "", implied] = (ARCHITECTURES[named] ?? named).split("/");
  const variant = normalizeVariant(architecture, platform.variant?.toLowerCase() || implied);
  return {
    architecture,
    os: OPERATING_SYSTEMS[os] ?? os,
    ...(platform["os.version"] === undefined ? {} : { "os.version": platform["os.version"] }),
    ...(platform["os.features"] === undefined ? {} : { "os.features": platform["os.features"] }),
    ...(variant === undefined ? {} : { variant }),
  };
}

function normalizeVariant(architecture: string, variant: string | undefined): string | undefined {
  if (architecture === "arm") return variant === undefined ? "v7" : variant.replace(/^(?=\d)/, "v");
  if (architecture === "arm64")
    return /^(v?8(\.0)?)?$/.test(variant ?? "") ? undefined : variant?.replace(/^v?(\d+)\.0$/, "v$1");
  if (architecture === "amd64" && variant === "v1") return undefined;
  return variant;
}

/**
 * The platforms that run on `platform`, the best first: itself, older variants, and the 32-bit
 * architecture that the processor also executes. Those of containerd's `Only` matcher, so that both
 * choose the same image from an index.
 */
export function compatiblePlatforms(platform: Platform): Platform[] {
  const { os, architecture, variant = "" } = normalizePlatform(platform);
  const variants = (names: readonly string[]) =>
    [...new Set(names)].map((name) => normalizePlatform({ os, architecture, variant: name }));
  const own = normalizePlatform(platform);
  const number = /^v(\d+)(?:\.(\d+))?$/.exec(variant);
  const major = Number(number?.[1] ?? 0);
  const minor = Number(number?.[2] ?? 0);
  switch (architecture) {
    case "amd64":
      return [own, ...variants(down(Math.min(major, 9) - 1, 1)), { os, architecture: "386" }];
    case "arm":
      return [own, ...variants(down(Math.min(major, 9) - 1, 5))];
    case "arm64": {
      // Armv9.0 is Armv8.5 with more features (containerd counts alike).
      const older = variants(
        major === 9
          ? [...down(minor - 1, 0).map(arm(9)), ...down(minor + 5, 0).map(arm(8))]
          : down(minor - 1, 0).map(arm(8)),
      );
      return [own, ...older, ...compatiblePlatforms({ os, architecture: "arm", variant: "v8" })];
    }
    default:
      return [own];
  }
}

const arm = (major: number) => (minor: string) =>
  minor === "v0" ? `v${major}` : `v${major}.${minor.slice(1)}`;

/** `v<from>`, `v<from-1>`, … `v<to>`; capped, as the number comes from outside. */
function down(from: number, to: number): string[] {
  const first = Math.min(from, 32);
  return Array.from({ length: Math.max(0, first - to + 1) }, (_, index) => `v${first - index}`);
}

/**
 * True when this machine's processor and kernel execute the programs of an image. Variants aside: which of them the
 * processor has is not known, and an image says one for the least of reasons. An image that names no architecture
 * is taken at its word.
 */
export function runsOnHost(platform: Platform): boolean {
  const { os, architecture } = normalizePlatform(platform);
  return compatiblePlatforms(hostPlatform()).some(
    (own) => own.os === os && (architecture === "" || own.architecture === architecture),
  );
}

/**
 * How well an image for `candidate` runs on `wanted`: 0 is best, undefined is not at all. `unknown`
 * platforms, which attestations have, match nothing.
 */
export function platformRank(wanted: Platform, candidate: Platform): number | undefined {
  const offered = normalizePlatform(candidate);
  const rank = compatiblePlatforms(wanted).findIndex((platform) => isSame(platform, offered));
  return rank < 0 ? undefined : rank;
}

function isSame(left: Platform, right: Platform): boolean {
  return left.os === right.os && left.architecture === right.architecture && left.variant === right.variant;
}

function isOperatingSystem(name: string): boolean {
  return ["linux", "windows", "darwin", "macos", "freebsd", "netbsd", "openbsd", "solaris"].includes(name);
}
