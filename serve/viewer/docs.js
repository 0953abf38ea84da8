// The API description as a page, made of /openapi.json alone: nothing is loaded from elsewhere.
const content = document.getElementById("content");
const description = await (await fetch("openapi.json")).json();

function add(parent, kind, words) {
  const made = document.createElement(kind);
  made.append(...[words].flat());
  parent.append(made);
  return made;
}

const strong = (words) => Object.assign(document.createElement("b"), { textContent: words });
const named = (schema) => schema.$ref ? description.components.schemas[schema.$ref.split("/").pop()] : schema;

// an example of the shape, one level of names at a time
function outline(schema, depth = 0) {
  schema = named(schema);
  const other = schema.anyOf?.find((one) => one.type !== "null");
  if (other) return outline(other, depth);
  if (schema.examples) return JSON.stringify(schema.examples[0]);
  if (schema.prefixItems) return "[x_min, y_min, x_max, y_max]";
  if (schema.type === "array") return `[${outline(schema.items, depth)}, …]`;
  if (schema.properties) {
    const pad = "  ".repeat(depth + 1), required = schema.required ?? [];
    const lines = Object.entries(schema.properties).map(([name, value]) =>
      `${pad}"${name}": ${outline(value, depth + 1)}${required.includes(name) ? "" : "   (optional)"}`);
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  return schema.format === "binary" || schema.contentMediaType ? "the file" : schema.type ?? "any";
}

add(content, "h1", `${description.info.title} ${description.info.version}`);
add(content, "p", description.info.description);
const link = Object.assign(document.createElement("a"), { href: "openapi.json", textContent: "/openapi.json" });
add(content, "p", ["Boxes are relative to the image, 0 to 1. Errors are problem JSON (RFC 9457). As OpenAPI: ", link]);

for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const section = add(content, "section", []);
    add(section, "h2", [strong(method.toUpperCase()), path]);
    add(section, "p", operation.description ?? operation.summary);
    for (const [kind, body] of Object.entries(operation.requestBody?.content ?? {})) {
      add(section, "h3", `Request, ${kind}`);
      add(section, "pre", outline(body.schema));
    }
    for (const [code, answer] of Object.entries(operation.responses)) {
      const schema = answer.content?.["application/json"]?.schema;
      if (code.startsWith("2")) add(section, "h3", `Answer ${code}, ${Object.keys(answer.content ?? {}).join(" or ")}`);
      if (code.startsWith("2") && schema) add(section, "pre", outline(schema));
    }
  }
}
