import assert from "node:assert/strict";
import { attack, wasRefused } from "./harness/index.ts";

attack({
  ids: ["CVE-2024-3154"],
  mechanism:
    "an annotation sets a property of the container's systemd unit, such as one that powers the host off",
  immune: "no annotation is read when a container is made",
  cases: {
    "annotations for systemd leave no trace": async (lab) => {
      const outcome = await lab.run(["cat", "/proc/self/oom_score_adj"], (config) => {
        config.process["oomScoreAdj"] = 17;
        config["annotations"] = {
          "org.systemd.property.SuccessAction": "'none'",
          "org.systemd.property.OOMScoreAdjust": "-900",
          "org.systemd.property.DevicePolicy": "'auto'",
        };
      });
      if (!wasRefused(outcome)) assert.equal(outcome.stdout, "17\n");
    },
  },
});
