// The page: one radiograph, questions by text or drawn box, a report, and boxes that light up with their sentences.
const COLOURS = ["#ffc43d", "#40c4ff", "#ff6e84", "#78e68c", "#c692ff", "#ff9648", "#48e0d0", "#f080e0", "#cee654",
  "#78a0ff", "#ffb0a8", "#a8ecff"];
const part = (id) => document.getElementById(id);
const stage = part("stage"), frame = part("frame"), image = part("image"), boxes = part("boxes");
const findings = part("findings"), status = part("status"), text = part("text");
const state = { id: null, width: 0, height: 0, findings: [], drawn: null, lit: null, busy: 0, asked: 0 };

const say = (words, fault = false) => { status.textContent = words; status.classList.toggle("fault", fault); };

async function send(path, options) {
  const answer = await fetch(path, { method: "POST", ...options });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail || problem.title || `the server answered ${answer.status}`);
}

async function during(words, work) {
  state.busy += 1; say(words); enable();
  try { await work(); say(""); } catch (fault) { say(fault.message, true); }
  state.busy -= 1; enable();
}

function enable() {
  for (const button of [part("report"), part("ask").querySelector("[type=submit]")]) {
    button.disabled = !state.id || state.busy > 0;
  }
}

const upload = (file) => during("Reading the image…", async () => {
  const form = new FormData();
  form.append("file", file);
  const shown = await (await send("/v1/images", { body: form })).json();
  Object.assign(state, { id: shown.image_id, width: shown.width, height: shown.height, findings: [], drawn: null });
  image.src = `/v1/images/${shown.image_id}/pixels`;
  await image.decode();
  part("drop").hidden = true; frame.hidden = false; part("another").hidden = false; part("written").hidden = true;
  fit(); show();
});

// the image as large as the stage allows, in its own proportions, whatever its pixels count
function fit() {
  if (!state.id) return;
  const room = stage.getBoundingClientRect();
  const scale = Math.min((room.width - 32) / state.width, (Math.max(room.height, 300) - 60) / state.height);
  image.style.width = `${state.width * scale}px`; image.style.height = `${state.height * scale}px`;
}

function element(kind, classes, words) {
  const made = document.createElement(kind);
  made.className = classes;
  if (words !== undefined) made.textContent = words;
  return made;
}

const colour = (index) => COLOURS[index % COLOURS.length];
const nameOf = (finding) =>
  [finding.query.name || finding.query.text || "marked box", ...finding.parents].join(", ").replaceAll("_", " ");

function rectangle(box, classes, hue) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const [left, top, right, bottom] = box;
  for (const [key, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) {
    made.setAttribute(key, value);
  }
  made.setAttribute("class", classes);
  if (hue) { made.style.stroke = hue; made.style.color = hue; }
  boxes.append(made);
  return made;
}

function linked(node, index) {
  node.dataset.finding = index;
  node.tabIndex = 0;
  for (const kind of ["mouseenter", "focus"]) node.addEventListener(kind, () => light(index));
  for (const kind of ["mouseleave", "blur"]) node.addEventListener(kind, () => light(null));
  return node;
}

function show() {
  boxes.replaceChildren(); findings.replaceChildren(); light(null);
  state.findings.forEach((finding, index) => {
    finding.boxes.forEach((scored, place) => {
      rectangle(scored.box, place ? "second" : "", colour(index)).dataset.finding = index;
    });
    const line = linked(element("li", ""), index);
    const number = element("span", "number");
    number.style.color = colour(index);
    number.append(element("b", "", index + 1));
    const name = element("span", "name", nameOf(finding));
    name.style.color = colour(index);
    const score = finding.boxes.length ? finding.boxes[0].score.toFixed(2) : "no box";
    const waiting = finding.sentence === null;
    line.append(number, name, element("span", "score", score),
      element("span", waiting ? "sentence waiting" : "sentence", waiting ? "…" : finding.sentence || "(no words)"));
    findings.append(line);
  });
  if (state.drawn) rectangle(state.drawn, "drawn");
  part("clear-box").hidden = !state.drawn;
}

function light(index) {
  boxes.classList.toggle("focused", index !== null);
  for (const node of document.querySelectorAll("[data-finding]")) {
    node.classList.toggle("lit", index !== null && Number(node.dataset.finding) === index);
  }
}

function showReport(report) {
  state.findings = report.findings;
  show();
  const words = part("report-text");
  words.replaceChildren();
  report.findings.forEach((finding, index) => {
    const span = linked(element("span", ""), index);
    span.style.color = colour(index);
    span.append(element("i", "", finding.sentence));
    words.append(span, " ");
  });
  if (!report.findings.length) words.textContent = "The model wrote no sentence about this image.";
  const made = report.provenance;
  part("provenance").textContent = `${made.model_name} ${made.model_version}, prompts: ${made.prompt_set}, ` +
    `image ${made.input_sha256.slice(0, 12)}, Chex-Ray ${made.software_version}`;
  part("written").hidden = false;
}

const ask = () => during("Looking…", async () => {
  const query = {};
  if (text.value.trim()) query.text = text.value.trim();
  if (state.drawn) query.box = state.drawn;
  if (!query.text && !query.box) throw new Error("Type what to look for, or draw a box on the image.");
  const answer = await send(`/v1/images/${state.id}/queries`, {
    headers: { "content-type": "application/json" }, body: JSON.stringify({ queries: [query] }),
  });
  state.findings.push(...(await answer.json()).findings);
  state.drawn = null; text.value = "";
  part("written").hidden = true;
  show(); light(state.findings.length - 1);
});

const report = () => during("Writing the report…", async () => {
  const answer = await send(`/v1/images/${state.id}/report`, { headers: { accept: "text/event-stream" } });
  part("written").hidden = true;
  let written = 0;
  for await (const [kind, content] of events(answer.body)) {
    if (kind === "selected") { state.findings = content.findings; show(); }
    if (kind === "finding") { state.findings[written++] = content; show(); }
    if (kind === "report") showReport(content);
    if (kind === "problem") throw new Error(content.detail);
  }
});

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [kind, data] = block.split("\n");
      yield [kind.slice("event: ".length), JSON.parse(data.slice("data: ".length))];
    }
  }
}

// drawing a box
const place = (event) => {
  const room = image.getBoundingClientRect();
  const share = (value, start, length) => Math.min(1, Math.max(0, (value - start) / length));
  return [share(event.clientX, room.left, room.width), share(event.clientY, room.top, room.height)];
};
let corner = null;
frame.addEventListener("pointerdown", (event) => { corner = place(event); frame.setPointerCapture(event.pointerId); });
frame.addEventListener("pointermove", (event) => {
  if (!corner) return;
  const [x, y] = place(event);
  const box = [Math.min(x, corner[0]), Math.min(y, corner[1]), Math.max(x, corner[0]), Math.max(y, corner[1])];
  // a click without a stroke is no box
  state.drawn = box[2] - box[0] > 0.01 && box[3] - box[1] > 0.01 ? box : null;
  show();
});
frame.addEventListener("pointerup", () => { corner = null; if (state.drawn) text.focus(); });

part("file").addEventListener("change", (event) => { if (event.target.files[0]) upload(event.target.files[0]); });
part("another").addEventListener("click", () => part("file").click());
part("clear-box").addEventListener("click", () => { state.drawn = null; show(); });
part("report").addEventListener("click", report);
part("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
for (const kind of ["dragover", "dragleave", "drop"]) {
  stage.addEventListener(kind, (event) => {
    event.preventDefault();
    stage.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
  });
}
addEventListener("resize", fit);
