/**
 * youki's contest against corten-oci; with the word `vm`, the groups that want another machine than this, each in a
 * virtual machine that has what it wants.
 *
 *     CONTEST=/path/contest RUNTIMETEST=/path/runtimetest CONTEST_BUNDLE=/path/bundle.tar.gz npm run test:contest [vm]
 */
import { join } from "node:path";
import { runPeerSuite } from "../peer-suite/run.ts";
import { runInVirtualMachines } from "./in-virtual-machines.ts";
import { runOnThisMachine } from "./this-machine.ts";

const virtual = process.argv[2] === "vm";
const listFile = join(import.meta.dirname, virtual ? "passing-vm.json" : "passing.json");
const run = virtual ? runInVirtualMachines : runOnThisMachine;

await runPeerSuite({
  title: virtual ? "youki's contest in virtual machines" : "youki's contest",
  needs: {
    CONTEST: "the suite's program `contest`",
    RUNTIMETEST: "its static program `runtimetest`, which runs in containers",
    CONTEST_BUNDLE: "its bundle.tar.gz, a root file system",
  },
  listFile,
  collect: (runtime, only) => run(runtime, only, listFile),
});
