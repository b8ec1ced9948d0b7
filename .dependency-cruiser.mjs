/**
 * The import check: which room may import which, told to dependency-cruiser.
 *
 * Rooms are listed from low to high. An import goes to the same room or a lower one, and enters another room
 * only through its index.ts. `scripts/check/imports.ts` runs it; docs of the rooms stand in ARCHITECTURE.md.
 */
const imageHalf = ["spec", "content", "archive", "transport", "image", "trust", "registry"];
const runtimeHalf = ["host", "runtime", "snapshot", "engine", "build"];
const waysIn = ["docker", "cri", "cli"];
const rooms = [...imageHalf, ...runtimeHalf, ...waysIn];

const anyOf = (names) => `^src/(?:${names.join("|")})/`;
const testFile = "\\.test\\.ts$";

const upward = rooms.slice(0, -1).map((room, position) => ({
  name: `no-upward-import-from-${room}`,
  severity: "error",
  comment: `${room} stands below the rooms it would import here; move the code down or pass it in`,
  from: { path: `^src/${room}/` },
  to: { path: anyOf(rooms.slice(position + 1)) },
}));

export default {
  forbidden: [
    {
      name: "no-image-half-to-runtime-half",
      severity: "error",
      comment: "the image half works on any platform; the runtime half needs Linux",
      from: { path: anyOf(imageHalf) },
      to: { path: anyOf([...runtimeHalf, ...waysIn]) },
    },
    ...upward,
    {
      name: "no-import-past-index",
      severity: "error",
      comment: "a room is entered through its index.ts",
      from: { path: "^src/([^/]+)/" },
      to: { path: "^src/[^/]+/", pathNot: ["^src/$1/", "^src/[^/]+/index\\.ts$"] },
    },
    {
      name: "no-outsider-past-index",
      severity: "error",
      comment: "test, bench and scripts use what users use: the index.ts of a room",
      from: { path: "^(?:test|bench|scripts)/", pathNot: "^scripts/generate\\.ts$" },
      to: { path: "^src/", pathNot: "^src/[^/]+/index\\.ts$" },
    },
    {
      name: "no-unknown-room",
      severity: "error",
      comment: "every source file belongs to a room listed in .dependency-cruiser.mjs",
      from: { path: "^src/", pathNot: anyOf(rooms) },
      to: {},
    },
    {
      name: "no-cycle-between-rooms",
      severity: "error",
      scope: "folder",
      comment: "two rooms that need each other are one room, or miss a third below them",
      from: { path: "^src/[^/]+$" },
      to: { circular: true, path: "^src/[^/]+$" },
    },
    {
      name: "no-cycle-between-modules",
      severity: "error",
      comment: "modules that need each other at load time see each other half made",
      from: { path: "^src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only", "type-import", "dynamic-import"] } },
    },
    {
      name: "no-test-in-product",
      severity: "error",
      comment: "product code does not import tests, benches or scripts",
      from: { path: "^src/", pathNot: testFile },
      to: { path: [`^(?:test|bench|scripts)/`, testFile] },
    },
    {
      name: "no-development-package-in-product",
      severity: "error",
      comment: "a development dependency is not there when the package is installed",
      from: { path: "^src/", pathNot: testFile },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only", "type-import"] },
    },
    {
      name: "no-bun-module",
      severity: "error",
      comment: "the library also runs on Node: node: modules only",
      from: { path: "^src/" },
      to: { path: "^bun(?::|$)" },
    },
    {
      name: "no-unresolvable",
      severity: "error",
      comment: "the import leads nowhere",
      from: {},
      to: { couldNotResolve: true, pathNot: "^bun:" },
    },
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
