// The access token: asked for when the server wants one, kept in this tab only.
import { byId } from "./dom.js";
import { Problem } from "./problem.js";

const KEPT_AS = "chex-ray access token";
const dialog = byId("access");
let asking = null;

export function authorization() {
  const token = sessionStorage.getItem(KEPT_AS);
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Opens the dialog once, however many requests were refused. Rejects if nobody gives a token. */
export function askForToken() {
  asking ??= new Promise((given, refused) => {
    const was = sessionStorage.getItem(KEPT_AS);
    sessionStorage.removeItem(KEPT_AS);
    byId("access-words").textContent = was ? "The server did not accept this token." :
      "This server answers only those who have an access token. Whoever runs it gives them out.";
    byId("token").value = "";
    dialog.returnValue = "cancel";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      const token = byId("token").value.trim();
      byId("token").value = "";
      asking = null;
      if (dialog.returnValue !== "use" || !token) return refused(new Problem("unauthorised"));
      sessionStorage.setItem(KEPT_AS, token);
      given();
    }, { once: true });
  });
  return asking;
}
