/** One test as the runner's JUnit file tells it. */
export type TestCase = {
  readonly file: string;
  readonly name: string;
  readonly seconds: number;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What the failure said; empty otherwise. */
  readonly failure: string;
};

/** Reads the JUnit XML that Bun's test runner writes: nested suites of testcase elements. */
export function parseJunitReport(xml: string): TestCase[] {
  return [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
    ([, tag = "", body = ""]) => {
      const attributes = parseAttributes(tag);
      const broken = /<(?:failure|error)\b([^>]*?)(?:\/>|>(.*?)<\/(?:failure|error)>)/s.exec(body);
      const group = attributes["classname"];
      return {
        file: attributes["file"] ?? "",
        name: group ? `${group} > ${attributes["name"]}` : (attributes["name"] ?? ""),
        seconds: Number(attributes["time"] ?? 0),
        outcome: broken ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
        failure: broken
          ? decode(broken[2] ?? "").trim() || (parseAttributes(broken[1] ?? "")["message"] ?? "")
          : "",
      };
    },
  );
}

function parseAttributes(tag: string): Record<string, string> {
  return Object.fromEntries(
    [...tag.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key, decode(value!)]),
  );
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name) return entities[name] ?? whole;
    return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
