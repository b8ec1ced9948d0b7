/**
 * The entry of the executable. It is called `corten` or `corten-oci`, and the name decides which of the two
 * command lines it has; `corten oci` is the second one, too. Only the module of the called command is loaded.
 */

const calledAs = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
const line = process.argv.slice(2);

if (calledAs === "corten-oci") {
  const { main } = await import("./oci/main.ts");
  process.exit(await main(line));
} else if (line[0] === "oci") {
  const { main } = await import("./oci/main.ts");
  process.exit(await main(line.slice(1)));
} else {
  const { main } = await import("./corten/main.ts");
  process.exit(await main(line));
}
