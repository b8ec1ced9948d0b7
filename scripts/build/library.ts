import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist, root, run } from "../repository.ts";
import type { Step } from "./step.ts";

/** Rooms that programs import; each is `corten/ROOM`. */
const rooms = ["spec", "content", "archive", "transport", "image", "registry"];

const compiler = join(root, "node_modules/typescript/bin/tsc");

/**
 * The npm package in dist/package: JavaScript and types of the image half. Node does not strip types below node_modules,
 * and Node 22 does not know `using`, so the sources cannot be published as they are.
 */
export function libraryStep(): Step {
  const target = join(dist, "package");
  return {
    name: "library",
    inputs: [...rooms.map((room) => `src/${room}`), "package.json", "tsconfig.json", "tsconfig.library.json"],
    ignore: /(?:\.test\.ts$|\/testing-)/,
    facts: [],
    outputs: [join(target, "package.json"), ...rooms.map((room) => join(target, "lib", room, "index.js"))],
    make() {
      rmSync(target, { recursive: true, force: true });
      mkdirSync(target, { recursive: true });
      compile("tsconfig.library.json");
      for (const file of ["LICENSE", "README.md"]) copyFileSync(join(root, file), join(target, file));
      const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      const published = publishedManifest(manifest);
      writeFileSync(join(target, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
    },
  };
}

/** The unit tests of the image half as JavaScript, for Node 22 to run. */
export function nodeTestsStep(): Step {
  const target = join(dist, "node-tests");
  return {
    name: "node-tests",
    inputs: [
      ...rooms.map((room) => `src/${room}`),
      "tsconfig.json",
      "tsconfig.library.json",
      "tsconfig.node-tests.json",
    ],
    facts: [],
    outputs: rooms.map((room) => join(target, "src", room, "index.js")),
    make() {
      rmSync(target, { recursive: true, force: true });
      compile("tsconfig.node-tests.json");
    },
  };
}

function compile(project: string): void {
  const code = run(process.execPath, [compiler, "-p", project]);
  if (code !== 0) throw new Error(`tsc -p ${project} exited with ${code}`);
}

/** What a user of the library needs of package.json: the programs and what builds them stay out. */
function publishedManifest(manifest: Readonly<Record<string, unknown>>): object {
  const kept = ["name", "version", "description", "keywords", "license", "type", "engines", "dependencies"];
  const entries = rooms.map((room) => [
    `./${room}`,
    { types: `./lib/${room}/index.d.ts`, default: `./lib/${room}/index.js` },
  ]);
  return {
    ...Object.fromEntries(kept.map((key) => [key, manifest[key]])),
    exports: Object.fromEntries(entries),
    files: ["lib"],
    sideEffects: false,
  };
}
