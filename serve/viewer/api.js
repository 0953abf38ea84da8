// The server's endpoints, one function each.
import { contentOf, follow, request, upload } from "./transport.js";

const asked = async (path, options) => contentOf(await request(path, options), "json", options?.signal);

export const fetchModel = () => asked("v1/model");
export const fetchVocabulary = () => asked("v1/vocabulary");

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

export async function fetchExport(id, asked) {
  return contentOf(await request(`v1/images/${id}/export`, { method: "POST", json: asked }), "blob");
}

export function streamReport(id, promptSet, take, signal) {
  const json = promptSet ? { prompt_set: promptSet } : {};
  return follow(`v1/images/${id}/report`, { method: "POST", json, accept: "text/event-stream", signal }, take);
}
