import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseGroup, parsePasswd } from "./accounts.ts";
import { resolveUser } from "./resolve-user.ts";

const files = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    "# comment",
    "app:x:1000:1001:App:/home/app:/bin/sh",
    "1234:x:0:0:a name of digits:/root:/bin/sh",
    "bad line",
    "broken:x:minus:1::/:",
    "nohome:x:7:8",
    "evil:x:9:9::/x\r:",
  ].join("\n"),
  group: "root:x:0:\nstaff:x:50:app,other\nwheel:x:10:app\napp:x:1001:\n",
};
const user = (text: string, given: Parameters<typeof resolveUser>[1] = files) => resolveUser(text, given);

describe("resolveUser", () => {
  const cases: ReadonlyArray<readonly [string, number, number, readonly number[], string]> = [
    ["", 0, 0, [0], "/root"],
    ["root", 0, 0, [0], "/root"],
    ["app", 1000, 1001, [1001, 50, 10], "/home/app"],
    ["app:staff", 1000, 50, [50], "/home/app"],
    ["app:77", 1000, 77, [77], "/home/app"],
    ["1000", 1000, 1001, [1001, 50, 10], "/home/app"],
    ["5555", 5555, 0, [0], "/"],
    ["5555:staff", 5555, 50, [50], "/"],
    // CVE-2016-3697: digits are a number, although passwd has a user of that name who is root.
    ["1234", 1234, 0, [0], "/"],
    ["nohome", 7, 8, [8], "/"],
    ["evil", 9, 9, [9], "/"],
    ["2147483647", 2147483647, 0, [0], "/"],
  ];
  for (const [text, uid, gid, additionalGids, home] of cases) {
    test(`"${text}"`, () => assert.deepEqual(user(text), { uid, gid, additionalGids, home }));
  }

  for (const text of [
    "nobody",
    "app:nogroup",
    "app:",
    "app:staff:x",
    "4294967296",
    "4294967295",
    "2147483648",
    "99999999999999999999",
    "-1",
    "+1",
    "0:2147483648",
    ":staff:",
    "bad line",
    "app\n",
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => user(text), { code: "invalid-argument" }));
  }

  test("works without the files, for numbers only", () => {
    const none = { passwd: undefined, group: undefined };
    assert.deepEqual(user("", none), { uid: 0, gid: 0, additionalGids: [0], home: "/root" });
    assert.deepEqual(user("5:6", none), { uid: 5, gid: 6, additionalGids: [6], home: "/" });
    assert.throws(() => user("app", none), /no user "app"/);
  });

  test("whatever the files hold, an answer is in range and has its primary group among the others", () => {
    const line = fc.string({ unit: fc.constantFrom(..."ab:01,9\n#/-") });
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab:019") }), line, line, (text, passwd, group) => {
        let answer: ReturnType<typeof resolveUser>;
        try {
          answer = resolveUser(text, { passwd, group });
        } catch (error) {
          assert.equal((error as { code?: string }).code, "invalid-argument");
          return;
        }
        assert.ok(answer.additionalGids.includes(answer.gid));
        for (const id of [answer.uid, ...answer.additionalGids]) assert.ok(id >= 0 && id <= 2 ** 31 - 1);
      }),
    );
  });
});

test("account files: what is malformed says nothing", () => {
  assert.deepEqual(
    parsePasswd(files.passwd).map(({ name }) => name),
    ["root", "app", "1234", "nohome", "evil"],
  );
  assert.deepEqual(parseGroup("a:x:1:b,,c\nx\n:x:2:\nd:x:99999999999:\n"), [
    { name: "a", gid: 1, members: ["b", "c"] },
  ]);
});
