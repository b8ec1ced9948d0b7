import { element, fill } from "./element.ts";
import { parseLink, printName } from "./image-name.ts";
import { showImage } from "./image-view.ts";
import { Registry } from "./registry.ts";
import { RepositoriesView } from "./repositories-view.ts";
import { showRepository } from "./repository-view.ts";
import { Session, SignInNeeded } from "./session.ts";
import { askToSignIn } from "./sign-in.ts";

const session = new Session();
const registry = new Registry(session);
const main = document.querySelector("main") as HTMLElement;
const search = document.getElementById("search") as HTMLInputElement;
const account = document.getElementById("account") as HTMLButtonElement;
let repositories = new RepositoriesView(registry, session);
/** Counts the pages shown, so that a slow answer does not replace a page that was asked for later. */
let turn = 0;

/** Shows the page that the address names. */
async function show(): Promise<void> {
  const mine = ++turn;
  const name = parseLink(location.hash);
  document.title = name === undefined ? "Corten registry" : `${printName(name)} · Corten registry`;
  main.setAttribute("aria-busy", "true");
  const page = element("div", { class: "page" });
  try {
    await draw(page, name);
  } catch (error) {
    if (error instanceof SignInNeeded && mine === turn && (await askToSignIn(session, error.message)))
      return restart();
    fill(page, element("h1", {}, name === undefined ? "Repositories" : printName(name)), problem(error));
  }
  if (mine !== turn) return;
  fill(main, page);
  main.removeAttribute("aria-busy");
  showAccount();
}

async function draw(page: HTMLElement, name: ReturnType<typeof parseLink>): Promise<void> {
  if (name === undefined) await repositories.show(page);
  else if (name.reference === undefined) await showRepository(page, registry, name.repository);
  else await showImage(page, registry, { repository: name.repository, reference: name.reference });
}

function problem(error: unknown): HTMLElement {
  const text = error instanceof Error ? error.message : String(error);
  return element(
    "div",
    { class: "notice", role: "alert" },
    element("p", {}, text),
    element("button", { type: "button", class: "main", click: () => show() }, "Try again"),
  );
}

/** Begins anew: what was read belongs to who was signed in. */
function restart(): Promise<void> {
  registry.forget();
  repositories = new RepositoriesView(registry, session);
  return show();
}

function showAccount(): void {
  account.hidden = session.user === undefined && !session.guarded;
  account.textContent = session.user === undefined ? "Sign in" : `Sign out ${session.user}`;
}

account.addEventListener("click", async () => {
  if (session.user !== undefined) session.signOut();
  else if (!(await askToSignIn(session, "what is not for everybody is shown then"))) return;
  await restart();
});
search.addEventListener("input", () => {
  if (location.hash !== "" && location.hash !== "#/") location.hash = "#/";
  void repositories.search(search.value);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
});
window.addEventListener("hashchange", () => {
  // The address of the skip link is a place on this page, not a page.
  if (location.hash === "#main") return;
  void show().then(() => {
    window.scrollTo(0, 0);
    if (document.activeElement !== search) main.focus({ preventScroll: true });
  });
});
(document.getElementById("host") as HTMLElement).textContent = location.host;
void session.probe().finally(show);
