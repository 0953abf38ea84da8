// The server's endpoints, one function each.
import { eventsOf } from "./events.js";
import { contentOf, request, upload } from "./transport.js";

const asked = async (path, options) => contentOf(await request(path, options), "json", options?.signal);

export const fetchModel = () => asked("v1/model");
export const fetchVocabulary = () => asked("v1/vocabulary");
export const fetchDescription = () => asked("openapi.json");

export function uploadImage(file, options) {
  const form = new FormData();
  form.append("file", file, "radiograph"); // names of files may hold those of patients
  return upload("v1/images", form, options);
}

export async function fetchPixels(id, signal) {
  return contentOf(await request(`v1/images/${id}/pixels`, { signal }), "blob", signal);
}

export async function askQuery(id, query, signal) {
  const { findings } = await asked(`v1/images/${id}/queries`, { method: "POST", json: { queries: [query] }, signal });
  return findings[0];
}

export async function streamReport(id, signal) {
  const answer = await request(`v1/images/${id}/report`, { method: "POST", accept: "text/event-stream", signal });
  return eventsOf(answer, signal);
}
