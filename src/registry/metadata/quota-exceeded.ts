import { CortenError } from "../../spec/index.ts";
import type { Quota, Usage } from "./housekeeping.ts";

/** There is no room for more: of the repository, or of the whole registry. */
export class QuotaExceeded extends CortenError {
  private constructor(message: string, hint: string) {
    super("resource-exhausted", message, { hint });
  }

  /** The quota that is exceeded once there are `more` bytes, if one is. */
  static find(repository: string, usage: Usage, quota: Quota, more = 0): QuotaExceeded | undefined {
    if (usage.repository + more > (quota.repository ?? Number.POSITIVE_INFINITY)) {
      const message = `repository ${repository} may have ${quota.repository} bytes, and would have more`;
      return new QuotaExceeded(message, "delete images that nobody needs, or ask for a larger quota");
    }
    if (usage.total + more > (quota.total ?? Number.POSITIVE_INFINITY)) {
      // How much others have stored is nobody's business.
      return new QuotaExceeded("the registry is full", "its operator can make room");
    }
    return undefined;
  }
}
