import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CortenError } from "../../spec/index.ts";
import type { HttpReply } from "./http.ts";
import { nextPage } from "./link.ts";

const BASE = new URL("https://r.example/v2/a/tags/list?n=2");

/** An answer of which only URL and Link header matter. */
function reply(link: string | string[] | undefined): HttpReply {
  return {
    status: 200,
    headers: link === undefined ? {} : ({ link } as HttpReply["headers"]),
    url: BASE,
    peer: undefined,
    body: (async function* () {})(),
    drop() {},
  };
}

const next = (link: string | string[] | undefined, seen = new Set<string>()) =>
  nextPage(reply(link), seen, "list")?.href;

test("the next page is the one with that relation", () => {
  const page = "https://r.example/v2/a/tags/list?n=2&last=b";
  const cases: [link: string | string[] | undefined, url: string | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ['</v2/a/tags/list?n=2&last=b>; rel="next"', page],
    ["</v2/a/tags/list?n=2&last=b>;rel=next", page],
    ['</x>; rel="prev", </v2/a/tags/list?n=2&last=b>; rel="next"', page],
    [['</x>; rel="first"', '</v2/a/tags/list?n=2&last=b>; rel="next"'], page],
    ['</x>; rel="nextish"', undefined],
    ['</x>; title="rel=next"; rel="last"', undefined],
    ['/v2/a/tags/list; rel="next"', undefined],
    ['<http://[>; rel="next"', undefined],
  ];
  for (const [link, url] of cases) assert.equal(next(link), url, String(link));
});

test("pages that lead in a circle are an error, which is not tried again", () => {
  const seen = new Set<string>();
  next('</page>; rel="next"', seen);
  assert.throws(
    () => next('</page>; rel="next"', seen),
    (error) => error instanceof CortenError && error.code === "unavailable" && !error.retryable,
  );
});

test("what is printed is read back, and no text fails in another way or takes long", () => {
  fc.assert(
    fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
      const target = `${path || "/"}?${query}`;
      const expected = URL.canParse(target, BASE) ? new URL(target, BASE).href : undefined;
      assert.equal(next(`<${target}>; rel="next"`), expected);
    }),
  );
  const piece = fc.constantFrom("<", ">", ";", ",", '"', "rel", "=", "next", " ", "/v2/", "https://x", "\\");
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
  );
  fc.assert(fc.property(text, (link) => void next(link)));
  assert.equal(next("<".repeat(60_000)), undefined);
  assert.equal(next(`</x>${";".repeat(60_000)}`), undefined);
  assert.equal(next(`</x>; rel${" ".repeat(60_000)}`), undefined);
});
