// What can go wrong between the page and the server, told in plain words.
const KINDS = { 401: "unauthorised", 403: "forbidden", 404: "expired", 408: "late", 413: "too large", 422: "refused",
  429: "busy", 502: "away", 503: "busy", 504: "late" };

export class Problem extends Error {
  constructor(kind, { detail = "", retryAfter = null } = {}) {
    super(detail || kind);
    Object.assign(this, { kind, detail, retryAfter });
  }
}

/** From a status and the problem JSON (RFC 9457) of an answer, as far as it is one. */
export function problemOf(status, content, retryAfter) {
  const seconds = Number.parseFloat(retryAfter);
  return new Problem(KINDS[status] ?? "fault", {
    detail: content?.detail ?? content?.title ?? `the server answered ${status}`,
    retryAfter: Number.isFinite(seconds) ? seconds : null,
  });
}

const sentence = (words) => {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
};

/** [what happened, what more is known or can be done]. */
export function explain(problem) {
  const detail = problem.detail ? sentence(problem.detail) : "";
  switch (problem.kind) {
    case "away": return ["The server cannot be reached.", "Check that it runs and that this computer is connected."];
    case "busy": return ["The server is still busy.", "It was asked several times. Try again in a moment."];
    case "late": return ["The answer took too long.", "The server gave up on it. Try again in a moment."];
    case "expired": return ["The server has forgotten this image.", "Open the file again to go on asking."];
    case "too large": return ["This is too large for the server.", detail];
    case "refused": {
      const [, reason] = /^not a (?:usable|chest) radiograph: (.*)$/s.exec(problem.detail) ?? [];
      return reason ? ["This is no chest radiograph that can be read.", sentence(reason)] : ["The server refused this.", detail];
    }
    case "unauthorised": return ["The server wants an access token.", "Without one it answers nothing."];
    case "forbidden": return ["This access token may not do that.", detail];
    case "unreadable": return ["The file can no longer be read.", "It may have been moved, changed or deleted. Open it again."];
    case "fault": return ["Something went wrong on the server.", detail];
    default: return ["Something went wrong on this page.", detail];
  }
}
