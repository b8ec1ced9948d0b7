import { join } from "node:path";
import { attack } from "./harness/index.ts";

attack({
  ids: ["CVE-2025-24965", "CVE-2026-84042"],
  mechanism:
    "an annotation chooses a handler that writes its files through links of the image, or runs programs that the image names",
  immune: "no annotation chooses how a container is made: none is read by src/runtime/plan/",
  cases: {
    "an annotation for krun, its files links to the host, its helpers in the image": async (lab) => {
      lab.link(".krun_config.json", join(lab.canary.path, "made"));
      lab.link(".krun_vm.json", join(lab.canary.path, "secret"));
      for (const helper of ["passt", "gvproxy"]) {
        lab.write(`usr/sbin/${helper}`, `#!/bin/sh\necho run > ${lab.canary.path}/made\n`, 0o755);
      }
      for (const handler of ["krun", "wasm", "../../bin/evil"]) {
        await lab.run(["true"], (config) => {
          config.root["readonly"] = false;
          config.process["env"] = [`PATH=${lab.rootfs}/usr/sbin:/bin`];
          config["annotations"] = { "run.oci.handler": handler, "krun.use_passt": "1", "krun.ram_mib": "64" };
        });
      }
    },
  },
});
