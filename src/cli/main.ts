/**
 * The entry of the executable. It is called `corten` or `corten-oci`, and the name decides which of the two
 * command lines it has; `corten oci` is the second one, too. Only the module of the called command is loaded.
 * The OCI command line is imported at once: each import() on the way to a container's start costs 0.3 ms.
 */
import { main as ociMain } from "./oci/main.ts";

const calledAs = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
const line = process.argv.slice(2);

if (calledAs === "corten-oci") process.exit(await ociMain(line));
if (line[0] === "oci") process.exit(await ociMain(line.slice(1)));
const { main } = await import("./corten/main.ts");
process.exit(await main(line));
