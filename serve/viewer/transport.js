// Requests that wait where the server is busy and ask for a token where it wants one.
import { eventsOf } from "./events.js";
import { Problem, problemOf } from "./problem.js";
import { waitOut } from "./telling.js";
import { askForToken, authorization } from "./token.js";

const ROOT = new URL("../", import.meta.url); // the server may stand behind a prefix
const MOST_TRIES = 6;
const LONGEST_WAIT_S = 30;

async function persist(attempt, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (problem) {
      if (problem.kind === "unauthorised") await askForToken();
      else if (problem.kind === "busy" && tries < MOST_TRIES) {
        await waitOut(Math.min(problem.retryAfter ?? 2 ** (tries - 1), LONGEST_WAIT_S), signal);
      } else throw problem;
    }
  }
}

const parsed = (words) => {
  try { return JSON.parse(words); } catch { return null; }
};

async function fetchOnce(path, { method, json, accept, signal }) {
  const headers = { ...authorization(), ...(json && { "content-type": "application/json" }), ...(accept && { accept }) };
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), { method, headers, body: json && JSON.stringify(json), signal });
  } catch {
    throw new Problem(signal?.aborted ? "stopped" : "away");
  }
  if (answer.ok) return answer;
  throw problemOf(answer.status, parsed(await answer.text()), answer.headers.get("retry-after"));
}

/** The answer of the server; rejects with a Problem. */
export const request = (path, options = {}) => persist(() => fetchOnce(path, { method: "GET", ...options }), options.signal);

/** Tells `take` each event of the answer. A Problem that it throws counts as one of the request, which may begin again. */
export const follow = (path, options, take) => persist(async () => {
  const answer = await fetchOnce(path, options);
  for await (const event of eventsOf(answer, options.signal)) take(...event);
}, options.signal);

/** What the answer holds; a connection that breaks on the way is a Problem, too. */
export async function contentOf(answer, kind, signal) {
  try {
    return await answer[kind]();
  } catch {
    throw new Problem(signal?.aborted ? "stopped" : "away");
  }
}

// fetch tells nothing about the progress of an upload
function uploadOnce(path, form, { progress, signal }) {
  return new Promise((done, failed) => {
    if (signal?.aborted) return failed(new Problem("stopped"));
    const sending = new XMLHttpRequest();
    sending.open("POST", new URL(path, ROOT));
    for (const [name, value] of Object.entries(authorization())) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded / event.total); };
    sending.onload = () => {
      const content = parsed(sending.responseText);
      if (sending.status < 300 && content) done(content);
      else failed(problemOf(sending.status, content, sending.getResponseHeader("retry-after")));
    };
    sending.onerror = () => failed(new Problem("away"));
    sending.onabort = () => failed(new Problem("stopped"));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}

/** Uploads a form; `progress` is told the share that has left. */
export const upload = (path, form, options) => persist(() => uploadOnce(path, form, options), options.signal);
