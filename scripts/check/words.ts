import { readFileSync } from "node:fs";
import { join } from "node:path";
import { capture, root } from "../repository.ts";

/** Text that must not stand in the code of the product, and why. */
const forbidden: ReadonlyArray<{ readonly pattern: RegExp; readonly why: string; readonly paths: RegExp }> = [
  {
    pattern:
      /\b(?:TODO|FIXME|XXX|HACK)\b|\bplaceholder\b(?!: ")|\bfor now\b|\bnot (?:yet )?implemented\b|\bstub(?:s|bed)?\b/i,
    why: "unfinished work is not committed",
    paths: /^(?:src|native|bench|test|scripts)\/.*\.(?:ts|c|h)$/,
  },
  {
    pattern: /@ts-(?:ignore|nocheck|expect-error)|biome-ignore-all|\bas any\b/,
    why: "the type checker and the linter are answered, not silenced",
    paths: /\.ts$/,
  },
  { pattern: /\bBun\.\w/, why: "the library also runs on Node", paths: /^src\/.*\.ts$/ },
  { pattern: /^\s*export \* from/, why: "an index.ts is a closed list", paths: /^(?:src|test)\/.*\.ts$/ },
  { pattern: /catch\s*(?:\([^)]*\))?\s*\{\s*\}/, why: "an error is handled or explained", paths: /\.ts$/ },
];

/** Files that hold the words because they are about them. */
const exempt = new Set(["scripts/check/words.ts", "scripts/check/words.test.ts"]);
/** What is generated says what its sources say, in a machine's way. */
const generated = /\.gen\.ts$/;

/** Returns what is wrong with one file's text, each as `line: text (why)`. */
export function findWords(path: string, text: string): string[] {
  const rules = forbidden.filter(({ paths }) => paths.test(path));
  if (rules.length === 0) return [];
  return text
    .split("\n")
    .flatMap((line, index) =>
      rules
        .filter(({ pattern }) => pattern.test(line))
        .map(({ why }) => `${path}:${index + 1}: ${line.trim().slice(0, 100)} (${why})`),
    );
}

/** Searches every file that git knows or would add. */
export function checkWords(): string[] {
  const listing = capture("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
  if (listing.exitCode !== 0)
    throw new Error(`git ls-files exited with ${listing.exitCode}: ${listing.stderr}`);
  return listing.stdout
    .split("\0")
    .filter((path) => /\.(?:ts|c|h)$/.test(path) && !exempt.has(path) && !generated.test(path))
    .flatMap((path) => {
      try {
        return findWords(path, readFileSync(join(root, path), "utf8"));
      } catch (error) {
        // Deleted in the work tree, still in the index.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    });
}
