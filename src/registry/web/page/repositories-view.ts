import { element, fill } from "./element.ts";
import { linkTo } from "./image-name.ts";
import { onSeen } from "./on-seen.ts";
import { announce } from "./pull-command.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";

/** Most names that a search goes through. */
const MOST = 20_000;

/** The list of all repositories, narrowed by what is typed into the search field. */
export class RepositoriesView {
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #names: string[] = [];
  #next: string | undefined;
  #started = false;
  #sought = "";
  readonly #list = element("ul", { class: "repositories" });
  readonly #count = element("p", { class: "count" });
  readonly #more = element(
    "button",
    { type: "button", class: "more", hidden: true, click: () => this.#load() },
    "Show more",
  );

  constructor(registry: Registry, session: Session) {
    this.#registry = registry;
    this.#session = session;
  }

  async show(main: Element): Promise<void> {
    if (!this.#started) await this.#load();
    fill(main, element("h1", {}, "Repositories"), this.#count, this.#list, this.#more);
    this.#draw();
  }

  /** Narrows the list to names that hold every word of `text`; reads on while there is more. */
  async search(text: string): Promise<void> {
    this.#sought = text.toLowerCase().trim();
    this.#draw();
    const sought = this.#sought;
    while (sought !== "" && sought === this.#sought && this.#next !== undefined && this.#names.length < MOST)
      await this.#load();
    if (sought === this.#sought) announce(this.#count.textContent ?? "");
  }

  async #load(): Promise<void> {
    const { names, next } = await this.#registry.repositories(this.#next);
    this.#started = true;
    this.#names.push(...names);
    this.#next = next;
    this.#draw();
  }

  #draw(): void {
    const words = this.#sought.split(/\s+/);
    const found = this.#names.filter((name) => words.every((word) => name.includes(word)));
    const whole = this.#next === undefined;
    const number = `${found.length}${whole ? "" : "+"}`;
    this.#count.textContent =
      this.#sought === ""
        ? found.length === 0
          ? ""
          : `${number} ${found.length === 1 ? "repository" : "repositories"}`
        : `${number} of ${this.#names.length}${whole ? "" : "+"} match “${this.#sought}”`;
    this.#more.toggleAttribute("hidden", whole);
    if (this.#names.length === 0 && this.#started)
      fill(this.#list, this.#session.guarded ? nothingShown() : emptyRegistry());
    else
      fill(
        this.#list,
        found.slice(0, 500).map((name) => this.#row(name)),
      );
  }

  #row(name: string): HTMLElement {
    const slash = name.lastIndexOf("/") + 1;
    const tags = element("span", { class: "tags" });
    const row = element(
      "li",
      {},
      element(
        "a",
        { href: linkTo({ repository: name }) },
        element(
          "span",
          { class: "name" },
          element("span", { class: "owner" }, name.slice(0, slash)),
          name.slice(slash),
        ),
        tags,
      ),
    );
    onSeen(row, async () => {
      const { names, next } = await this.#registry.tags(name);
      tags.textContent = `${names.length}${next === undefined ? "" : "+"} ${names.length === 1 ? "tag" : "tags"}`;
    });
    return row;
  }
}

function nothingShown(): HTMLElement {
  return element(
    "li",
    { class: "empty" },
    element("p", {}, "No repository is shown to you. Others may be once you sign in."),
  );
}

function emptyRegistry(): HTMLElement {
  return element(
    "li",
    { class: "empty" },
    element("p", {}, "Nothing has been pushed here yet. The first push makes a repository:"),
    element("pre", {}, element("code", {}, `corten push IMAGE docker://${location.host}/team/app:1.0`)),
  );
}
