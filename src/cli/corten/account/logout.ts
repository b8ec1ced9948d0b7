import { CortenError, DEFAULT_REGISTRY } from "../../../spec/index.ts";
import { logout } from "../../../transport/index.ts";
import { print } from "../../terminal/stream.ts";
import type { logoutOptions } from "../table/account.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten logout [REGISTRY]` */
export async function run({ args, options }: CortenCall<typeof logoutOptions>): Promise<number> {
  const { all, authfile } = options;
  const [server = DEFAULT_REGISTRY] = args;
  if (all && args.length > 0) {
    throw new CortenError("invalid-argument", "--all and a registry exclude each other");
  }
  const found = await logout(all ? "all" : server, authfile === undefined ? {} : { authFile: authfile });
  if (all) print("Removed login credentials for all registries");
  else if (found) print(`Removed login credentials for ${server}`);
  else throw new CortenError("not-found", `nobody is logged in to ${server}`);
  return 0;
}
