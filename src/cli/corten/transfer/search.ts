import { CortenError, DEFAULT_REGISTRY, parseReference } from "../../../spec/index.ts";
import type { FoundRepository, RegistryOptions } from "../../../transport/index.ts";
import { openRepository, registriesToSearch, searchImages } from "../../../transport/index.ts";
import { printJson, write } from "../../terminal/stream.ts";
import type { Column } from "../../terminal/table.ts";
import { printError } from "../failure.ts";
import { parseFormat } from "../format.ts";
import { interruptible } from "../interruption.ts";
import { printListing } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { searchOptions } from "../table/search.ts";
import { accessOf, registryAccess } from "./access.ts";
import { searchFilter } from "./search-filter.ts";

/** Characters of a description that podman shows. */
const SHOWN_DESCRIPTION = 44;

/** `corten search TERM` */
export async function run(call: CortenCall<typeof searchOptions>): Promise<number> {
  const { args, options } = call;
  const term = args[0]!;
  const registry = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  if (options["list-tags"]) return listTags(call, term, registry);
  const fits = searchFilter(options.filter);
  const { host, text } = splitTerm(term);
  const hosts = host === undefined ? await registriesToSearch() : [host];
  const { limit } = options;
  const answers = await interruptible((signal) =>
    Promise.allSettled(hosts.map((name) => searchImages(name, text, { limit, registry, signal }))),
  );
  const failures = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason as unknown] : [],
  );
  // Where others have answered, what one registry does not tell is a remark.
  if (failures.length === hosts.length) throw failures[0];
  for (const failure of failures) {
    if (!(failure instanceof CortenError)) throw failure;
    printError(failure.message);
  }
  const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  printFound(call, found.filter(fits));
  return 0;
}

/** The registry in front of a term, where one is, and the text to look for. */
function splitTerm(term: string): { readonly host: string | undefined; readonly text: string } {
  const slash = term.indexOf("/");
  const first = term.slice(0, Math.max(slash, 0));
  const text = term.slice(slash + 1);
  if (!/[.:]/.test(first) && first !== "localhost") return { host: undefined, text: term };
  // Checked as part of a name: a host that is none is told as such.
  const { registry } = parseReference(`${first}/name`);
  return { host: registry, text: registry === DEFAULT_REGISTRY ? text.replace(/^library\//, "") : text };
}

function printFound(
  { options, globals }: CortenCall<typeof searchOptions>,
  found: readonly FoundRepository[],
) {
  const shown = (description: string): string => {
    const text = description.replace(/\s+/g, " ").trim();
    const whole = options["no-trunc"] || text.length <= SHOWN_DESCRIPTION;
    return whole ? text : `${text.slice(0, SHOWN_DESCRIPTION)}...`;
  };
  const mark = (is: boolean): string => (is ? "[OK]" : "");
  const columns: Column<FoundRepository>[] = [
    { heading: "NAME", cell: nameOf },
    { heading: "DESCRIPTION", cell: ({ description }) => shown(description) },
  ];
  if (options.compatible) {
    columns.push(
      { heading: "STARS", cell: ({ stars }) => String(stars) },
      { heading: "OFFICIAL", cell: ({ official }) => mark(official) },
      { heading: "AUTOMATED", cell: ({ automated }) => mark(automated) },
    );
  }
  printListing({
    things: found,
    columns,
    format: options.format ?? globals.format,
    row: (repository) => ({
      Index: repository.registry,
      Name: nameOf(repository),
      Description: shown(repository.description),
      Stars: repository.stars,
      Official: mark(repository.official),
      Automated: mark(repository.automated),
      Tag: "",
    }),
  });
}

function nameOf({ registry, repository }: FoundRepository): string {
  return `${registry}/${repository}`;
}

async function listTags(
  { options, globals }: CortenCall<typeof searchOptions>,
  term: string,
  access: RegistryOptions,
): Promise<number> {
  if (options.filter.length > 0)
    throw new CortenError(
      "invalid-argument",
      "tags have neither stars nor marks: --filter is not for --list-tags",
    );
  const reference = parseReference(term);
  if (reference.digest !== undefined || term.endsWith(`:${reference.tag}`)) {
    throw new CortenError("invalid-argument", `"${term}" names one image`, {
      hint: "the tags are those of a repository: leave the tag out",
    });
  }
  const name = `${reference.registry}/${reference.repository}`;
  const tags = await interruptible(async (signal) => {
    await using repository = await openRepository(reference, access);
    const found: string[] = [];
    for await (const tag of repository.tags({ signal })) {
      found.push(tag);
      if (found.length === options.limit) break;
    }
    return found;
  });
  const format = options.format ?? globals.format;
  if (parseFormat(format).kind === "json") printJson([{ Name: name, Tags: tags }]);
  else {
    printListing({
      things: tags,
      columns: [
        { heading: "NAME", cell: () => name },
        { heading: "TAG", cell: (tag) => tag },
      ],
      format,
      row: (tag) => ({ Name: name, Tag: tag }),
    });
  }
  return 0;
}
