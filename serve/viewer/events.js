// Server-sent events of an answer, as [kind, content].
import { Problem } from "./problem.js";

export async function* eventsOf(answer, signal) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read().catch(() => { throw new Problem(signal?.aborted ? "stopped" : "away"); });
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trimStart()];
      }));
      if (fields.data) yield [fields.event, JSON.parse(fields.data)];
    }
  }
}
