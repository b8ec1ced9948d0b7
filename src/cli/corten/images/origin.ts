import { basename } from "node:path";
import { programs } from "../../../host/index.ts";
import { CortenError, canonicalReference, isCortenError, parseReference } from "../../../spec/index.ts";
import type { Place, ShortNameOptions } from "../../../transport/index.ts";
import { parsePlace, resolveShortName, shortNameMeanings, TRANSPORTS } from "../../../transport/index.ts";

/** Where an image comes from, and what it is called once it is here. */
export interface Origin {
  readonly place: Place;
  readonly name: string;
}

/** The image that comes with Corten and needs no network. */
const EMBEDDED = "docker.io/corten/hello:latest";

/** Where its layout lies. */
export function embeddedLayout(): string {
  return `${programs().images}/hello`;
}

/** True for a text with the name of a transport in front. */
export function isPlace(text: string): boolean {
  const colon = text.indexOf(":");
  const transport = text.slice(0, Math.max(colon, 0));
  // "docker:25" is an image.
  return TRANSPORTS.includes(transport) && (transport !== "docker" || text.startsWith("docker://"));
}

/** The same, for `corten:` in front as well. */
export function isImagePlace(text: string): boolean {
  return isPlace(text) || text.startsWith("corten:");
}

/**
 * The origins that the user may mean, the likeliest first: of a short name there can be several, by registries.conf; a
 * place with the name of its transport in front is one.
 *
 * @param choose asks the user which of several is meant
 */
export async function originsOf(
  text: string,
  choose?: ShortNameOptions["choose"],
): Promise<readonly Origin[]> {
  if (isPlace(text)) return [placeOrigin(text)];
  const own = canonicalReference(parseReference(text));
  if (own === EMBEDDED) {
    return [{ place: { kind: "layout", path: embeddedLayout() }, name: text }];
  }
  const references = await resolveShortName(text, choose === undefined ? {} : { choose });
  return references.map((reference) => {
    const name = canonicalReference(reference);
    return { place: { kind: "registry", reference }, name: name === own ? text : name };
  });
}

/** What an image that is here may be called when the user says `text`. */
export async function namesOf(text: string): Promise<readonly string[]> {
  if (isPlace(text)) return [placeOrigin(text).name];
  return (await shortNameMeanings(text)).map(canonicalReference);
}

/** The origin that a place with the name of its transport in front is. */
export function placeOrigin(text: string): Origin {
  const place = parsePlace(text);
  if (place.kind === "registry") return { place, name: canonicalReference(place.reference) };
  if ("name" in place) return { place, name: place.name };
  return { place, name: place.ref ?? nameOfFile(place.path) };
}

/** `/tmp/My App.tar` becomes `localhost/my-app`. */
function nameOfFile(path: string): string {
  const stem = basename(path).replace(/\.(?:tar|oci)(?:\.\w+)?$/i, "");
  const name = `localhost/${stem
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")}`;
  try {
    parseReference(name);
  } catch (error) {
    if (!isCortenError(error)) throw error;
    throw new CortenError("invalid-argument", `no name for the image in ${path}`, {
      hint: "name it behind the path: oci:DIR:NAME",
      cause: error,
    });
  }
  return name;
}
