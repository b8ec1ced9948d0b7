import { inspectImage, resolveImage } from "../../../image/index.ts";
import { CortenError, isCortenError } from "../../../spec/index.ts";
import { print, printJson } from "../../terminal/stream.ts";
import { printError } from "../failure.ts";
import { fillTemplate, parseFormat } from "../format.ts";
import { isImagePlace } from "../images/origin.ts";
import { openImageStore } from "../images/store.ts";
import { openSession } from "../session.ts";
import type { inspectOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/**
 * `corten inspect`: a JSON array of containers and images; what is not found is an error behind it. A place has a form
 * of its own.
 */
export async function run(call: CortenCall<typeof inspectOptions>): Promise<number> {
  if (call.args.some(isImagePlace)) {
    const { inspectPlaces } = await import("../transfer/inspect.ts");
    return inspectPlaces(call);
  }
  const format = parseFormat(call.options.format);
  const found: object[] = [];
  let code = 0;
  for (const name of call.args) {
    try {
      found.push(await inspect(call, name));
    } catch (error) {
      if (!isCortenError(error, "not-found")) throw error;
      printError(error.message, error.hint);
      code = 1;
    }
  }
  if (format.kind !== "template") printJson(found);
  else for (const thing of found) print(fillTemplate(format.parts, thing));
  return code;
}

/** A container of that name, else an image. */
async function inspect(call: CortenCall<typeof inspectOptions>, name: string): Promise<object> {
  const { type } = call.options;
  if (type !== "image") {
    try {
      await using engine = openSession(call);
      return await engine.inspect(name);
    } catch (error) {
      if (type === "container" || !isCortenError(error, "not-found")) throw error;
    }
  }
  using store = openImageStore(call);
  try {
    return await inspectImage(await resolveImage(store, name));
  } catch (error) {
    if (type === "image" || !isCortenError(error, "not-found")) throw error;
    throw new CortenError("not-found", `there is neither a container nor an image "${name}"`, {
      cause: error,
    });
  }
}
