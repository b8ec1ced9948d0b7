import { element } from "./element.ts";
import type { Session } from "./session.ts";

/** Asks for a user name and password; resolves to false when the person would rather not. */
export function askToSignIn(session: Session, reason: string): Promise<boolean> {
  return new Promise((resolve) => {
    const user = element("input", {
      name: "user",
      autocomplete: "username",
      required: true,
      autofocus: true,
    });
    const password = element("input", {
      name: "password",
      type: "password",
      autocomplete: "current-password",
    });
    const dialog = element(
      "dialog",
      { "aria-labelledby": "sign-in", close: () => finish() },
      element(
        "form",
        { method: "dialog" },
        element("h2", { id: "sign-in" }, `Sign in to ${location.host}`),
        element("p", {}, `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`),
        element("label", {}, "User name", user),
        element("label", {}, "Password or token", password),
        element(
          "div",
          { class: "choices" },
          element("button", { value: "cancel", class: "quiet", formnovalidate: true }, "Cancel"),
          element("button", { value: "sign-in", class: "main" }, "Sign in"),
        ),
      ),
    );
    function finish(): void {
      const wanted = dialog.returnValue === "sign-in";
      if (wanted) session.signIn(user.value, password.value);
      dialog.remove();
      resolve(wanted);
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}
