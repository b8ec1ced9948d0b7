/** A repository, and in it one image by tag or digest. */
export interface ImageName {
  readonly repository: string;
  readonly reference?: string;
}

/** The name that a link of this page (`#/team/app:1.0`) leads to; undefined for the list of all. */
export function parseLink(hash: string): ImageName | undefined {
  const path = decodeURIComponent(hash.replace(/^#\/?/, ""));
  if (path === "") return undefined;
  const at = path.indexOf("@");
  if (at > 0) return { repository: path.slice(0, at), reference: path.slice(at + 1) };
  const colon = path.lastIndexOf(":");
  if (colon > path.lastIndexOf("/"))
    return { repository: path.slice(0, colon), reference: path.slice(colon + 1) };
  return { repository: path };
}

/** The link that {@link parseLink} reads. */
export function linkTo(name: ImageName): string {
  return `#/${printName(name)}`;
}

/** The name as command lines take it: `team/app:1.0`, `team/app@sha256:…`. */
export function printName({ repository, reference }: ImageName): string {
  if (reference === undefined) return repository;
  return `${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
}
