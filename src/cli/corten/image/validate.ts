import type { ImageFinding, ImageReport } from "../../../image/index.ts";
import { parsePlatform, validateImage } from "../../../image/index.ts";
import { print, printJson } from "../../terminal/stream.ts";
import { printable, styleOf } from "../../terminal/style.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { validateOptions } from "../table/image-tools.ts";
import { openRawPlace } from "./raw-place.ts";

/** `corten image validate PLACE` */
export async function run(call: CortenCall<typeof validateOptions>): Promise<number> {
  const { format, platform, layers, strict } = call.options;
  const text = call.args[0]!;
  const { place, image } = await openRawPlace(call, text);
  const report = await interruptible(async (signal) => {
    await using _ = place;
    return await validateImage(place, {
      signal,
      layers,
      ...(image === undefined ? {} : { image }),
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    });
  });
  if (format === "json") printJson({ place: text, valid: report.errors === 0, ...report });
  else printText(text, report);
  return report.errors > 0 || (strict && report.warnings > 0) ? 1 : 0;
}

function printText(
  name: string,
  { findings, errors, warnings, unlisted, documents, layers }: ImageReport,
): void {
  const style = styleOf(1);
  for (const finding of findings) {
    const { severity, rule, clause, message } = finding;
    const label = severity === "error" ? style.red("error  ") : style.yellow("warning");
    print(`${label} ${printable(placeOf(finding))}: ${printable(message)}`);
    print(style.dim(`        ${rule}: ${clause}`));
  }
  const more = unlisted > 0 ? `, and ${unlisted} more that are not listed` : "";
  const looked = `${count(documents, "document")} and ${count(layers, "layer")}`;
  print(`${name}: ${count(errors, "error")} and ${count(warnings, "warning")} in ${looked}${more}`);
}

/** Document and pointer; of a layer entry, byte and name. */
function placeOf({ document, pointer = "", entry, path, offset }: ImageFinding): string {
  const parts = [
    ...(entry === undefined ? [] : [`entry ${entry}`]),
    ...(offset === undefined ? [] : [`byte ${offset}`]),
    ...(path === undefined ? [] : [JSON.stringify(path)]),
  ];
  return [`${document}${pointer === "" ? "" : ` ${pointer}`}`, ...parts].join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
