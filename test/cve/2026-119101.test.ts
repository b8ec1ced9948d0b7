import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attack, type Change, type Lab, wasRefused } from "./harness/index.ts";

/**
 * Fails after it has written down what it is told: by command line, or as a servant in a request, which may name a file
 * with options.
 */
const LISTENER = `#!/usr/bin/python3
import re, socket, sys
with open(sys.argv[0] + ".told", "ab") as told:
    told.write("\\n".join(sys.argv[1:]).encode() + b"\\n")
    if "swrk" in sys.argv:
        request = socket.socket(fileno=int(sys.argv[-1])).recv(1 << 20)
        told.write(request + b"\\n")
        for path in re.findall(rb"/[ -~]*/criu[.]conf", request):
            told.write(open(path, "rb").read())
sys.exit(1)
`;

/** Puts a criu before the machine's that writes down what it is told, until the lab goes. */
async function withCriu(lab: Lab, action: (told: string) => Promise<void>): Promise<void> {
  const bin = lab.volume("criu");
  const told = join(bin, "criu.told");
  writeFileSync(join(bin, "criu"), LISTENER);
  chmodSync(join(bin, "criu"), 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${bin}:${path}`;
  try {
    await action(told);
  } finally {
    process.env["PATH"] = path;
  }
}

/** A volume on /a, and another whose place a link of the image makes look like a source for the first. */
function volumes(lab: Lab): Change {
  lab.link("linked", `a]:${lab.canary.path}`);
  const source = lab.volume("volume");
  return ({ root, mounts }) => {
    root["readonly"] = false;
    for (const destination of ["/a", "/linked"])
      mounts.push({ destination, type: "bind", source, options: ["bind"] });
  };
}

/** criu must not hear of the canary as what /a shows. */
function assertNotMixedUp(lab: Lab, told: string): void {
  if (!existsSync(told)) return;
  assert.doesNotMatch(readFileSync(told, "utf8"), new RegExp(`mnt\\[/a\\]:${lab.canary.path}`));
}

attack({
  ids: ["CVE-2026-119101", "CVE-2026-115520", "CVE-2026-119614"],
  mechanism:
    "the name under which a mount is known to CRIU is made of the image's directory names, so that a restore mounts another directory of the host",
  immune:
    "a destination is only ever text that is resolved below the root; one that criu's language could not hold is refused (checkCriuName in src/runtime/checkpoint/external.ts)",
  cases: {
    "destinations with CRIU's own signs": async (lab) => {
      lab.link("linked", `a]:${lab.canary.path}`);
      const volume = lab.volume("volume");
      const outcome = await lab.run(
        ["sh", "-c", "grep -c ' /a]:' /proc/self/mountinfo"],
        ({ root, mounts }) => {
          root["readonly"] = false;
          for (const destination of ["/a]:/etc", `/a]:${lab.canary.path}`, "/linked"]) {
            mounts.push({ destination, type: "bind", source: volume, options: ["bind"] });
          }
        },
      );
      if (!wasRefused(outcome)) assert.equal(outcome.stdout, "3\n");
    },
    "a checkpoint of such a container changes nothing": async (lab) => {
      const id = await lab.start(["sleep", "100"], ({ root, mounts }) => {
        root["readonly"] = false;
        mounts.push({ destination: "/a]:/etc", type: "tmpfs", source: "tmpfs" });
      });
      await lab.oci("checkpoint", "--image-path", lab.volume("checkpoint"), id);
    },
    "a checkpoint does not take the canary for another volume's source": (lab) =>
      withCriu(lab, async (told) => {
        const made = await lab.createAndStart(["sleep", "100"], volumes(lab));
        if (made.exitCode === 0)
          await lab.oci("checkpoint", "--image-path", lab.volume("checkpoint"), made.id);
        assertNotMixedUp(lab, told);
      }),
    "nor does a restore": (lab) =>
      withCriu(lab, async (told) => {
        const made = await lab.createAndStart(["sleep", "100"], volumes(lab));
        const images = lab.volume("checkpoint");
        mkdirSync(join(images, "criu.work"), { recursive: true });
        writeFileSync(join(images, "descriptors.json"), '["","",""]');
        const bundle = join(lab.directory, "bundle");
        const words = ["--image-path", images, "--bundle", bundle, `${made.id}-restored`];
        await lab.oci("restore", "--detach", ...words);
        await lab.oci("delete", "--force", `${made.id}-restored`);
        assertNotMixedUp(lab, told);
      }),
  },
});
